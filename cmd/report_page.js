/*
 * report_page.js - the page around the timeline: the story, the bytes, the lists.
 *
 * Everything comes from one block of JSON and is put in as text, never as markup.
 */
"use strict";
const story = JSON.parse(document.getElementById("story").textContent);
const byId = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
        if (name === "class") element.className = value;
        else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (value !== null && value !== false) element.setAttribute(name, value);
    }
    for (const child of children) if (child !== null) element.append(child);
    return element;
}

/* ---- What an event is; the columns are those of report_html.c ---- */

const BEGAN = 0, TIME = 1, LANE = 2, INSTANCE = 3, OPERATION = 4, CALL = 5, FILE = 6, OFFSET = 7,
    LENGTH = 8, RESULT = 9, FACTS = 10, WORDS = 11, STRUCK = 12, LIED = 13;
const DECISION = -1, STOP = -2;

const KINDS = {
    write: "write", read: "read", sync: "sync", name: "open, rename",
    wait: "wait", decision: "decision",
};
const KIND_OF_CALL = {
    pread: "read", map: "read", unmap: "read", size: "read", list: "read",
    pwrite: "write", ftruncate: "write", fallocate: "write",
    fsync: "sync", fdatasync: "sync", fsync_dir: "sync",
    mkdir: "name", dir_open: "name", dir_close: "name", rename: "name", link: "name",
    unlink: "name", open: "name", close: "name", lock: "name",
};

function kindOf(event) {
    if (event[RESULT] === DECISION) return "decision";
    if (event[RESULT] === STOP) return "stop";
    return KIND_OF_CALL[story.calls[event[CALL]]] || "wait";
}
const kinds = story.events.map(kindOf);

function timeText(ns) {
    const units = [[1e9, "s", 7], [1e6, "ms", 4], [1e3, "µs", 1]]; /* To a tenth of a µs. */
    for (const [size, name, digits] of units) {
        if (ns >= size) return (ns / size).toFixed(digits) + " " + name;
    }
    return ns + " ns";
}

const fileName = (event) => story.files[event[FILE]];
const laneName = (event) => story.lanes[event[LANE]] || "";
const placeText = (event) => {
    if (event[OFFSET] < 0) return "";
    const call = story.calls[event[CALL]];
    if (call === "size" || call === "ftruncate") return "=" + event[OFFSET];
    return event[OFFSET] + "+" + event[LENGTH];
};
const resultText = (event) =>
    event[RESULT] === DECISION ? "decision" : event[RESULT] === STOP ? "end of the process"
        : event[RESULT] === 0 ? "ok" : story.errors[event[RESULT]];
const failedCall = (event) => event[RESULT] > 0 &&
    !/NOTFOUND|TIMEOUT|EXISTS/.test(story.errors[event[RESULT]]);
/* Framed and red: it failed, or a fault struck it. */
const harmed = story.events.map((event) => failedCall(event) || Boolean(event[STRUCK]));
const operationText = (number) => (number < 0 ? "" : "op" + number);

function eventText(i) {
    const event = story.events[i];
    const parts = ["Event " + (i + 1), timeText(event[TIME]), "process " + event[INSTANCE]];
    if (laneName(event)) parts.push("task " + laneName(event));
    if (event[OPERATION] >= 0) parts.push("operation " + event[OPERATION]);
    if (event[WORDS]) {
        parts.push((event[RESULT] === DECISION ? "decision: " : "") + event[WORDS]);
    } else {
        let call = story.calls[event[CALL]];
        if (fileName(event)) call += " " + fileName(event);
        if (placeText(event)) call += " " + placeText(event);
        parts.push(call, resultText(event));
        if (event[TIME] > event[BEGAN]) {
            parts.push("took at most " + timeText(event[TIME] - event[BEGAN]));
        }
    }
    if (event[STRUCK]) parts.push("struck by " + event[STRUCK]);
    return parts.join(" · ");
}

/* ---- Filters ---- */

const filter = { kinds: new Set(Object.keys(KINDS)), lane: -1, file: -1, text: "" };

function isShown(i) {
    const event = story.events[i];
    if (kinds[i] !== "stop" && !filter.kinds.has(kinds[i])) return false;
    if (filter.lane >= 0 && event[LANE] !== filter.lane) return false;
    if (filter.file >= 0 && event[FILE] !== filter.file) return false;
    return filter.text === "" || eventText(i).toLowerCase().includes(filter.text);
}

let shown = []; /* Indices of events, in order. */

function applyFilter() {
    shown = [];
    for (let i = 0; i < story.events.length; i++) if (isShown(i)) shown.push(i);
    eventList.update();
    timeline.draw();
}

function fillFilters() {
    for (const [kind, words] of Object.entries(KINDS)) {
        const box = make("input", { type: "checkbox", checked: "" });
        box.addEventListener("change", () => {
            if (box.checked) filter.kinds.add(kind);
            else filter.kinds.delete(kind);
            applyFilter();
        });
        const swatch = make("span", { class: "swatch", style: "background:var(--" + kind + ")" });
        byId("kinds").append(make("label", {}, box, " ", swatch, words));
    }
    const fill = (select, names, key) => {
        select.append(make("option", { value: -1 }, "all"));
        names.forEach((name, i) => {
            if (name) select.append(make("option", { value: i }, name));
        });
        select.addEventListener("change", () => {
            filter[key] = Number(select.value);
            applyFilter();
        });
    };
    fill(byId("pick-task"), story.lanes, "lane");
    fill(byId("pick-file"), story.files, "file");
    byId("pick-text").addEventListener("input", (input) => {
        filter.text = input.target.value.trim().toLowerCase();
        applyFilter();
    });
}

/* ---- One event is selected ---- */

let selected = -1;

function select(i, from) {
    selected = i;
    byId("selected").textContent = i < 0 ? "" : eventText(i);
    if (from !== "events") eventList.reveal(shown.indexOf(i));
    if (from !== "facts" && i >= 0) factList.reveal(story.events[i][FACTS] - 1);
    eventList.update();
    factList.update();
    if (from !== "canvas") timeline.reveal(i);
    timeline.draw();
}

/* ---- Lists of any length: only the rows in sight are in the page ---- */

class List {
    constructor(place, columns, widths, most, count, row, pick, label) {
        Object.assign(this, { columns, widths, count, row, pick });
        this.box = make("div", { class: "list", tabindex: 0, role: "grid", "aria-label": label });
        this.space = make("div");
        this.head = this.line("head", columns);
        this.box.append(this.head, this.space);
        this.box.addEventListener("scroll", () => this.update());
        byId(place).append(this.box);
        if (most < 13) this.box.style.height = 22 * (most + 1) + 20 + "px";
    }

    line(kind, cells) {
        const line = make("div", { class: kind, role: "row" });
        line.style.gridTemplateColumns = this.widths;
        cells.forEach((cell, i) => line.append(make("span", {
            role: kind === "head" ? "columnheader" : "gridcell",
            class: typeof cell === "number" || this.columns[i].startsWith("#") ? "n" : "",
        }, String(cell).replace(/^#/, ""))));
        return line;
    }

    update() {
        const height = 22, top = this.box.scrollTop, count = this.count();
        const first = Math.max(0, Math.floor(top / height) - 4);
        const last = Math.min(count, Math.ceil((top + this.box.clientHeight) / height) + 4);
        this.space.style.height = count * height + "px";
        this.box.setAttribute("aria-rowcount", count);
        const lines = [];
        for (let i = first; i < last; i++) {
            const { cells, bad, chosen } = this.row(i);
            const line = this.line("row" + (bad ? " bad" : ""), cells);
            line.style.top = (i + 1) * height + "px";
            line.setAttribute("aria-selected", chosen);
            line.setAttribute("aria-rowindex", i + 1);
            line.title = cells[cells.length - 1];
            line.addEventListener("click", () => this.pick(i));
            lines.push(line);
        }
        this.space.replaceChildren(...lines);
    }

    reveal(i) {
        if (i < 0) return;
        const y = i * 22, height = this.box.clientHeight - 44;
        if (y < this.box.scrollTop) this.box.scrollTop = y;
        else if (y > this.box.scrollTop + height) this.box.scrollTop = y - height / 2;
    }
}

const eventList = new List("events",
    ["#event", "#time", "process", "task", "op", "call", "file", "#place", "result", "more"],
    "56px 96px 52px 90px 50px 110px 160px 110px 110px minmax(200px, 1fr)",
    story.events.length, () => shown.length,
    (row) => {
        const i = shown[row], event = story.events[i];
        return {
            cells: [i + 1, timeText(event[TIME]), event[INSTANCE], laneName(event),
                operationText(event[OPERATION]), story.calls[event[CALL]], fileName(event),
                placeText(event), resultText(event), event[WORDS] || event[STRUCK] || ""],
            bad: harmed[i] || kinds[i] === "stop",
            chosen: i === selected,
        };
    },
    (row) => select(shown[row], "events"), "All events");

const factList = new List("facts", ["#event", "#time", "process", "op", "what"],
    "56px 96px 52px 60px minmax(400px, 1fr)",
    story.facts.length, () => story.facts.length,
    (i) => {
        const [event, time, instance, operation, words, , bad] = story.facts[i];
        return {
            cells: [event + 1, timeText(time), instance, operationText(operation), words],
            bad: bad || i === story.brokenFact,
            chosen: selected >= 0 && event === selected,
        };
    },
    (i) => select(Math.min(story.facts[i][0], story.events.length - 1), "facts"),
    "What a user could see");

/* ---- The record concerned ---- */

function showRecord(number) {
    const record = story.records[number];
    byId("steps").replaceChildren(...record.steps.map((step) => make("li", { class: step.tone },
        make("button", { type: "button", onclick: () => select(step.event) },
            make("b", {}, step.title), make("time", {}, timeText(step.time)),
            make("span", {}, step.text)))));
    for (const button of byId("record-choice").children) {
        button.setAttribute("aria-pressed", button.value === String(number));
    }
}

function showRecords() {
    const box = byId("broken-record"), title = byId("record-title");
    if (story.records.length === 0) {
        box.classList.toggle("held", !story.broken);
        title.textContent = story.broken ? "The verdict is about no single record: " +
            story.failure : "No record was lost, changed or made up";
        return;
    }
    const [first, last] = [story.firstLsn, story.lastLsn];
    title.textContent = first === last ? "The record concerned: LSN " + first
        : "The records concerned: LSN " + first + " to " + last;
    if (story.records.length > 1) {
        story.records.forEach((record, i) => byId("record-choice").append(make("button",
            { type: "button", value: i, onclick: () => showRecord(i) }, "LSN " + record.lsn)));
    }
    showRecord(0);
}

/* ---- Bytes ---- */

const hex2 = (byte) => byte.toString(16).padStart(2, "0");
const bytesOf = (text) => text === null ? null
    : Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.substr(2 * i, 2), 16));

/* Which field each byte of the sector belongs to, -1: none. */
function fieldMap(sector, fields) {
    const map = new Int32Array(512).fill(-1);
    fields.forEach((field, i) => {
        const end = Math.min(512, field.offset + field.length - sector.begin);
        for (let at = Math.max(0, field.offset - sector.begin); at < end; at++) map[at] = i;
    });
    return map;
}

function hexTable(title, sector, version, compareTo, rowsShown) {
    const table = make("table", { class: "hex" }, make("caption", {}, title));
    if (version.bytes === null) {
        table.append(make("tr", {}, make("td", { class: "skip" }, version.absent)));
        return table;
    }
    const map = fieldMap(sector, version.fields);
    let skipped = 0;
    const flush = () => {
        if (skipped > 0) {
            table.append(make("tr", {}, make("td", { class: "at" }, ""),
                make("td", { class: "skip" }, "… " + skipped * 16 + " bytes of zeros")));
        }
        skipped = 0;
    };
    for (let row = 0; row < 32; row++) {
        if (!rowsShown[row]) {
            skipped++;
            continue;
        }
        flush();
        const cell = make("td");
        for (let at = row * 16; at < row * 16 + 16; at++) {
            const field = map[at];
            const kinds = [version.bytes[at] === 0 ? "z" : ""];
            if (field >= 0) kinds.push(field % 2 ? "b" : "a");
            if (field >= 0 && !version.fields[field].valid) kinds.push("x");
            if (compareTo && compareTo[at] !== version.bytes[at]) kinds.push("ch");
            const byte = make("i", { class: kinds.join(" ") }, hex2(version.bytes[at]));
            byte.dataset.at = at;
            if (field >= 0) {
                const is = version.fields[field];
                byte.title = is.part + ": " + is.name + (is.value ? " = " + is.value : "");
            }
            cell.append(byte);
        }
        table.append(make("tr", {}, make("td", { class: "at" },
            String(sector.begin + row * 16).padStart(6, " ")), cell));
    }
    flush();
    return table;
}

function lightUp(box, sector, field, on) {
    for (const byte of box.querySelectorAll(".hex i")) {
        const at = sector.begin + Number(byte.dataset.at);
        byte.classList.toggle("lit",
            on && at >= field.offset && at < field.offset + field.length);
    }
}

function fieldTable(box, sector, before, after) {
    const key = (field) => field.offset + " " + field.part + " " + field.name;
    const all = new Map();
    before.fields.forEach((field) => all.set(key(field), [field, null]));
    after.fields.forEach((field) => {
        if (!all.has(key(field))) all.set(key(field), [null, field]);
        else all.get(key(field))[1] = field;
    });
    const table = make("table", {}, make("tr", {}, ...["byte", "field", "before", "after", ""]
        .map((words) => make("th", {}, words))));
    const value = (field, version) => {
        if (field === null) return make("td", {}, version.bytes === null ? "–" : "not there");
        const words = field.value !== "" ? field.value : "bytes";
        return make("td", {}, words, field.valid ? null
            : make("span", { class: "no" }, " ✗ checksum"));
    };
    let part = "";
    const sorted = [...all.values()].sort((a, b) => (a[0] || a[1]).offset - (b[0] || b[1]).offset);
    for (const [was, is] of sorted) {
        const field = was || is;
        const begins = field.part + field.lsn;
        if (begins !== part && field.name !== "reserved") {
            const lsn = field.lsn !== "0" ? ", LSN " + field.lsn : "";
            table.append(make("tr", { class: "part" }, make("th", { colspan: 5 },
                field.part + lsn)));
            part = begins;
        }
        const differs = (was && is && was.value !== is.value) || !was || !is ||
            was.valid !== is.valid || bytesDiffer(sector, field, before, after);
        table.append(make("tr", {
            class: differs && after.bytes !== null ? "changed" : "", tabindex: 0,
            onmouseenter: () => lightUp(box, sector, field, true),
            onmouseleave: () => lightUp(box, sector, field, false),
            onfocus: () => lightUp(box, sector, field, true),
            onblur: () => lightUp(box, sector, field, false),
        }, make("td", {}, String(field.offset)), make("td", {}, field.name), value(was, before),
        value(is, after), make("td", {}, field.meaning)));
    }
    return make("div", { class: "fields" }, table);
}

function bytesDiffer(sector, field, before, after) {
    if (before.bytes === null || after.bytes === null) return false;
    const end = Math.min(512, field.offset + field.length - sector.begin);
    for (let at = Math.max(0, field.offset - sector.begin); at < end; at++) {
        if (before.bytes[at] !== after.bytes[at]) return true;
    }
    return false;
}

function showSector(sector) {
    const versions = ["before", "safe", "after"].map((name) => {
        const version = sector[name];
        return { bytes: bytesOf(version.bytes), fields: version.fields, absent: version.absent };
    });
    const [before, safe, after] = versions;
    const rowsShown = Array.from({ length: 32 }, (_, row) => versions.some((version) =>
        version.bytes !== null && version.bytes.slice(row * 16, row * 16 + 16).some((b) => b)));
    const same = (a, b) => a.bytes !== null && b.bytes !== null &&
        a.bytes.every((byte, i) => byte === b.bytes[i]);
    const box = make("div", { class: "sector" },
        make("h3", {}, sector.file + ", bytes " + sector.begin + " to " + (sector.begin + 511)),
        make("p", { class: "fate " + sector.tone }, "This sector " + sector.fate + "."));
    const split = make("div", { class: "split" });
    split.append(hexTable(story.beforeTitle, sector, before, null, rowsShown));
    if (!same(before, safe)) {
        split.append(hexTable("of that, safe on the disk", sector, safe, before.bytes, rowsShown));
    }
    split.append(hexTable("as it is afterwards", sector, after, before.bytes, rowsShown));
    if (before.fields.length + after.fields.length > 0) {
        split.append(fieldTable(box, sector, before, after));
    }
    box.append(split);
    return box;
}

function showSectors() {
    const lead = byId("sectors-lead");
    if (story.sectors.length === 0) {
        lead.textContent = "The verdict names no place on the disk.";
        return;
    }
    lead.textContent = story.sectorsLead + " Numbers are hexadecimal bytes; each colour is a " +
        "field of the format, red a field whose checksum fails, orange a byte that changed.";
    byId("sectors").append(...story.sectors.map(showSector));
    if (story.fileTable.length === 0) return;
    const rows = story.fileTable.map(([name, now, safe, nameSafe, after]) => make("tr", {},
        ...[name, now, safe, nameSafe, after].map((cell) => make("td", {}, String(cell)))));
    byId("files").append(make("table", {}, make("tr", {}, ...["file", "bytes before",
        "of them safe", "name safe", "bytes afterwards"].map((w) => make("th", {}, w))), ...rows));
}

/* ---- The rest ---- */

function showHead() {
    const badge = byId("badge");
    badge.textContent = story.broken ? "broken" : "held";
    badge.className = story.broken ? "bad" : "good";
    byId("where").textContent = story.property + " · " + story.token + " · " + story.setting;
    byId("title").textContent = story.title;
    document.title = "Squall: " + story.token + ": " + story.title;
    for (const id of ["promised", "happened", "wrong"]) byId(id).textContent = story[id];
    byId("replay").textContent = story.replay;
    byId("case").textContent = story.reproducer;
    byId("reproducer").hidden = story.reproducer === "";
    byId("faults-met").hidden = story.faults.length === 0;
    byId("faults").append(...story.faults.map(([id, name, count, words]) => make("li", {},
        make("b", {}, id + " " + name), " (" + count + "×): " + words)));
}
