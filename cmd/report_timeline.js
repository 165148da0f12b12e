/*
 * report_timeline.js - the run drawn over virtual time, and the start of it all.
 *
 * Calls take a tenth of a microsecond and waits up to seconds. So unless it is asked to be to scale
 * the axis is bent: a stretch of time without events is as wide as its logarithm.
 */
class Timeline {
    constructor() {
        this.canvas = byId("canvas");
        this.context = this.canvas.getContext("2d");
        this.gutter = 190;
        this.lanes = this.planLanes();
        this.height = 26 + this.lanes.length * 20 + 30;
        this.canvas.style.height = this.height + "px";
        this.times = [...new Set(story.events.flatMap((event) => [event[BEGAN], event[TIME]])
            .concat(story.facts.map((fact) => fact[1])))].sort((a, b) => a - b);
        this.scale(false);
        this.volatile = this.planVolatile();
        this.drawn = 0;
        this.listen();
    }

    /* ---- Lanes ---- */

    planLanes() {
        const lanes = [
            { kind: "world", label: "faults and crashes", bold: true },
            { kind: "told", label: "what the user was told", bold: true },
        ];
        const used = new Set(story.events.map((event) => event[LANE]));
        const touched = new Set();
        story.events.forEach((event, i) => {
            if (["read", "write", "sync"].includes(kinds[i])) touched.add(event[FILE]);
        });
        story.lanes.forEach((name, i) => {
            if (name && used.has(i)) lanes.push({ kind: "task", index: i, label: "task " + name });
        });
        const concerned = new Set(story.sectors.filter((s) => s.concerned).map((s) => s.file));
        for (const wanted of [true, false]) {
            story.files.forEach((name, i) => {
                if (!name || !touched.has(i) || concerned.has(name) !== wanted) return;
                const label = (name.startsWith("/") ? "folder " : "file ") + name;
                lanes.push({ kind: "file", index: i, label, bold: wanted });
            });
        }
        return lanes;
    }

    laneY(kind, index) {
        const at = this.lanes.findIndex((lane) => lane.kind === kind && lane.index === index);
        return at < 0 ? -1 : 26 + at * 20;
    }

    /* Stretches in which a file holds bytes that a loss of power may take. */
    planVolatile() {
        const stretches = [], since = new Map(), writes = new Map();
        const close = (file, time) => {
            if (since.has(file)) stretches.push([file, since.get(file), time]);
            since.delete(file);
        };
        story.events.forEach((event, i) => {
            const file = event[FILE], call = story.calls[event[CALL]];
            if (call === "pwrite" && event[RESULT] >= 0) {
                if (!since.has(file)) since.set(file, event[TIME]);
                writes.set(file, event[TIME]);
            } else if ((call === "fsync" || call === "fdatasync") && event[RESULT] === 0 &&
                !event[LIED]) {
                close(file, event[TIME]);
                /* What was written while it went on is not covered. */
                if ((writes.get(file) || 0) > event[BEGAN]) since.set(file, writes.get(file));
            } else if (kinds[i] === "stop" && story.powerStops.includes(i)) {
                for (const open of [...since.keys()]) close(open, event[TIME]);
            }
        });
        const end = this.times[this.times.length - 1];
        for (const open of [...since.keys()]) close(open, end);
        return stretches;
    }

    /* ---- The axis ---- */

    scale(toScale) {
        const { times } = this;
        this.at = new Float64Array(times.length);
        for (let i = 1; i < times.length; i++) {
            const gap = times[i] - times[i - 1];
            this.at[i] = this.at[i - 1] + (toScale ? gap : Math.log2(1 + gap / 100));
        }
        this.total = Math.max(this.at[times.length - 1] || 0, 1e-9);
        const place = (time) => this.interpolate(times, this.at, time);
        this.ends = Float64Array.from(story.events, (event) => place(event[TIME]));
        this.begins = Float64Array.from(story.events, (event) => place(event[BEGAN]));
        this.factAts = Float64Array.from(story.facts, (fact) => place(fact[1]));
    }

    index(list, value) {
        let low = 0, high = list.length - 1;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (list[middle] <= value) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    interpolate(from, to, value) {
        const i = this.index(from, value);
        if (i + 1 >= from.length || value <= from[i]) return to[i];
        return to[i] + (to[i + 1] - to[i]) * (value - from[i]) / (from[i + 1] - from[i]);
    }

    xAt(at) {
        return this.gutter + (at - this.from) / (this.to - this.from) * (this.width - this.gutter);
    }

    x(time) {
        return this.xAt(this.interpolate(this.times, this.at, time));
    }

    timeAt(x) {
        const part = (x - this.gutter) / (this.width - this.gutter);
        return this.interpolate(this.at, this.times, this.from + part * (this.to - this.from));
    }

    show(from, to) {
        const least = this.total / 1e6, span = Math.min(Math.max(to - from, least),
            this.total * 1.04);
        const middle = Math.min(Math.max((from + to) / 2, -this.total * .02 + span / 2),
            this.total * 1.02 - span / 2);
        this.from = middle - span / 2;
        this.to = middle + span / 2;
        this.draw();
    }

    showAll() {
        this.show(-this.total * .02, this.total * 1.02);
    }

    /* From where the record was handed over to where it broke. */
    showBreak() {
        const marks = story.records.length > 0 ? story.records[0].steps.map((s) => s.time) : [];
        if (story.brokenFact >= 0) marks.push(story.facts[story.brokenFact][1]);
        if (!story.broken) return this.showAll();
        if (marks.length < 2) {
            const last = story.events.length - 1;
            if (last < 0) return this.showAll();
            marks.push(story.events[Math.max(0, last - 120)][TIME], story.events[last][TIME]);
        }
        const at = (time) => this.interpolate(this.times, this.at, time);
        const from = at(Math.min(...marks)), to = at(Math.max(...marks));
        const room = Math.max((to - from) * .06, this.total / 200);
        return this.show(from - room, to + room);
    }

    zoom(factor, x) {
        const at = this.from + (x - this.gutter) / (this.width - this.gutter) *
            (this.to - this.from);
        this.show(at - (at - this.from) * factor, at + (this.to - at) * factor);
    }

    pan(part) {
        const by = (this.to - this.from) * part;
        this.show(this.from + by, this.to + by);
    }

    reveal(i) {
        if (i < 0) return;
        const x = this.x(story.events[i][TIME]);
        if (x > this.gutter && x < this.width) return;
        const at = this.interpolate(this.times, this.at, story.events[i][TIME]);
        const half = (this.to - this.from) / 2;
        this.show(at - half, at + half);
    }

    /* ---- Drawing ---- */

    draw() {
        const ratio = window.devicePixelRatio || 1;
        this.width = this.canvas.clientWidth;
        if (this.from === undefined || this.width === 0) return;
        this.canvas.width = Math.round(this.width * ratio);
        this.canvas.height = Math.round(this.height * ratio);
        const style = getComputedStyle(document.documentElement);
        const colors = {};
        this.color = (name) => {
            colors[name] = colors[name] || style.getPropertyValue("--" + name).trim();
            return colors[name];
        };
        this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
        this.context.fillStyle = this.color("paper");
        this.context.fillRect(0, 0, this.width, this.height);
        this.drawProcesses();
        this.drawVolatile();
        this.drawAxis();
        this.drawEvents();
        this.drawFacts();
        this.drawLabels();
        this.drawSelected();
        document.documentElement.dataset.events = this.drawn;
    }

    text(words, x, y, color, bold) {
        this.context.font = (bold ? "600 " : "") + "11px system-ui, 'DejaVu Sans', sans-serif";
        this.context.fillStyle = this.color(color);
        this.context.fillText(words, x, y);
    }

    clipped(x) {
        return Math.min(Math.max(x, this.gutter), this.width);
    }

    drawProcesses() {
        const { context } = this;
        story.processes.forEach(([instance, begin, end], i) => {
            const x = this.clipped(this.x(begin)), right = this.clipped(this.x(end));
            if (right <= x && end > begin) return;
            if (i % 2 === 0) {
                context.fillStyle = this.color("shade");
                context.fillRect(x, 0, right - x, this.height - 30);
            }
            if (right - x > 64) this.text("process " + instance, x + 5, 16, "quiet", true);
        });
        context.strokeStyle = this.color("line");
        context.lineWidth = 1;
        this.lanes.forEach((lane, i) => {
            const y = 26 + i * 20 + .5;
            const first = i === 0 || this.lanes[i - 1].kind !== lane.kind;
            context.globalAlpha = first ? 1 : .45;
            context.beginPath();
            context.moveTo(first ? 0 : this.gutter, y);
            context.lineTo(this.width, y);
            context.stroke();
        });
        context.globalAlpha = 1;
    }

    drawVolatile() {
        this.context.fillStyle = this.color("volatile");
        for (const [file, begin, end] of this.volatile) {
            const y = this.laneY("file", file);
            if (y < 0) continue;
            const x = this.clipped(this.x(begin));
            this.context.fillRect(x, y + 1, this.clipped(this.x(end)) - x, 19);
        }
    }

    drawAxis() {
        const { context } = this, y = this.height - 30;
        context.fillStyle = this.color("paper");
        context.fillRect(0, y, this.width, 30);
        context.strokeStyle = this.color("line");
        context.beginPath();
        context.moveTo(0, y + .5);
        context.lineTo(this.width, y + .5);
        context.stroke();
        this.text("virtual time", 8, y + 13, "quiet", true);
        this.text(byId("to-scale").checked ? "(to scale)" : "(long waits drawn short)", 8, y + 25,
            "quiet");
        const start = Math.round(this.timeAt(this.gutter + 10));
        for (let x = this.gutter + 10; x < this.width - 60; x += 110) {
            context.beginPath();
            context.moveTo(x + .5, y);
            context.lineTo(x + .5, y + 5);
            context.stroke();
            const time = Math.round(this.timeAt(x));
            this.text(time === start ? timeText(time) : "+" + timeText(time - start), x + 3, y + 16,
                "quiet");
        }
    }

    bar(i, y) {
        const { context } = this, kind = kinds[i];
        const right = this.xAt(this.ends[i]);
        const left = kind === "decision" ? right
            : Math.min(this.xAt(this.begins[i]), right - 2);
        if (right < this.gutter || left > this.width) return;
        const x = this.clipped(left), width = Math.max(this.clipped(right) - x, 1);
        /* What would be hidden behind the one before it on this lane is not painted. */
        const hides = this.painted.get(y);
        if (!harmed[i] && hides && hides.kind === kind && right < hides.right + .5) return;
        this.painted.set(y, { kind, right });
        context.fillStyle = this.color(kind);
        if (kind === "wait") {
            context.globalAlpha = .55;
            context.fillRect(x, y + 9, width, 3);
            context.globalAlpha = 1;
        } else if (kind === "decision") {
            context.beginPath();
            context.moveTo(right, y + 1);
            context.lineTo(right + 3, y + 5);
            context.lineTo(right - 3, y + 5);
            context.fill();
        } else {
            context.globalAlpha = kind === "sync" ? .75 : 1;
            context.fillRect(x, y + 5, width, 11);
            context.globalAlpha = 1;
        }
        if (harmed[i]) {
            context.strokeStyle = this.color("bad");
            context.lineWidth = 2;
            context.strokeRect(x - 1, y + 3, Math.max(width, 4) + 2, 15);
            context.lineWidth = 1;
        }
    }

    drawEvents() {
        const tasks = story.lanes.map((_, i) => this.laneY("task", i));
        const files = story.files.map((_, i) => this.laneY("file", i));
        this.drawn = 0;
        this.painted = new Map();
        for (const i of shown) {
            const event = story.events[i];
            if (this.ends[i] < this.from || this.begins[i] > this.to) continue;
            this.drawn++;
            if (tasks[event[LANE]] >= 0) this.bar(i, tasks[event[LANE]]);
            if (files[event[FILE]] >= 0 && kinds[i] !== "decision") {
                this.bar(i, files[event[FILE]]);
            }
        }
    }

    drawFault(x, y, words) {
        const { context } = this;
        context.fillStyle = this.color("bad");
        context.beginPath();
        context.moveTo(x, y + 4);
        context.lineTo(x + 6, y + 16);
        context.lineTo(x - 6, y + 16);
        context.fill();
        if (x - 6 < this.free) return;
        const label = words.split(" ").slice(0, 2).join(" ").replace(/:$/, "");
        this.text(label, x + 8, y + 15, "bad", true);
        this.free = x + 14 + context.measureText(label).width;
    }

    /* Rows of the history: what the world did above, what the user was told below. */
    drawFacts() {
        const world = this.laneY("world"), told = this.laneY("told");
        this.free = this.gutter;
        for (const i of shown) { /* Lies that the history cannot know of. */
            const event = story.events[i], x = this.x(event[TIME]);
            if (!event[LIED] || x < this.gutter || x > this.width) continue;
            this.drawFault(x, world, event[STRUCK]);
        }
        const last = {};
        for (let i = 0; i < story.facts.length; i++) {
            const [, , , , words, kind] = story.facts[i], x = this.xAt(this.factAts[i]);
            if (x < this.gutter || x > this.width) continue;
            const broken = i === story.brokenFact;
            if (!broken && x < last[kind] + .5) continue; /* Hidden behind the one before. */
            last[kind] = x;
            if (kind === "crashed") this.drawCrash(x, words, world);
            else if (kind === "injected" || kind === "damaged" || kind === "stuck") {
                this.drawFault(x, world, words);
            }
            this.drawTold(kind, x, told, broken, words);
        }
        if (story.brokenFact >= 0) this.drawBreak(story.facts[story.brokenFact][1], told);
    }

    drawCrash(x, words, y) {
        const { context } = this;
        context.strokeStyle = context.fillStyle = this.color("stop");
        context.lineWidth = 2;
        context.beginPath();
        context.moveTo(x, 4);
        context.lineTo(x, this.height - 30);
        context.stroke();
        context.lineWidth = 1;
        const label = words.startsWith("power") ? "power lost" : "killed";
        context.font = "600 11px system-ui, 'DejaVu Sans', sans-serif";
        const width = context.measureText(label).width + 8;
        const left = x + width > this.width ? x - width : x;
        context.fillRect(left, y + 2, width, 16);
        this.text(label, left + 4, y + 14, "paper", true);
    }

    drawTold(kind, x, y, broken, words) {
        const { context } = this;
        const colors = { accepted: "wait", acknowledged: "good", failed: "bad", observed: "accent",
            undisturbed: "accent", closed: "quiet" };
        if (broken) this.beside(words, x, y + 14);
        if (!colors[kind]) return;
        context.fillStyle = context.strokeStyle = this.color(broken ? "bad" : colors[kind]);
        context.beginPath();
        if (kind === "observed" || kind === "undisturbed") {
            context.moveTo(x, y + 3);
            context.lineTo(x + 7, y + 10);
            context.lineTo(x, y + 17);
            context.lineTo(x - 7, y + 10);
        } else {
            context.arc(x, y + 10, 4.5, 0, 7);
        }
        if (kind === "accepted") context.stroke();
        else context.fill();
    }

    /* On the side of x where there is more room. */
    beside(words, x, y) {
        const { context } = this, right = this.width - x - 14, left = x - this.gutter - 14;
        const room = Math.max(right, left);
        let text = words;
        context.font = "600 11px system-ui, 'DejaVu Sans', sans-serif";
        while (text.length > 1 && context.measureText(text).width > room) {
            text = text.slice(0, -2) + "…";
        }
        const width = context.measureText(text).width;
        const start = width <= right ? x + 12 : x - 12 - width;
        context.fillStyle = this.color("paper");
        context.fillRect(start - 2, y - 11, width + 4, 15);
        this.text(text, start, y, "bad", true);
    }

    drawBreak(time, y) {
        const x = this.x(time);
        if (x < this.gutter || x > this.width) return;
        this.context.strokeStyle = this.color("bad");
        this.context.lineWidth = 2.5;
        this.context.beginPath();
        this.context.arc(x, y + 10, 10, 0, 7);
        this.context.stroke();
        this.context.lineWidth = 1;
    }

    drawLabels() {
        const { context } = this;
        context.fillStyle = this.color("paper");
        context.fillRect(0, 0, this.gutter - 1, this.height - 30);
        context.strokeStyle = this.color("line");
        context.beginPath();
        context.moveTo(this.gutter - .5, 0);
        context.lineTo(this.gutter - .5, this.height);
        context.stroke();
        this.lanes.forEach((lane, i) => {
            this.text(lane.label, 8, 26 + i * 20 + 14, "ink", lane.bold);
        });
    }

    drawSelected() {
        if (selected < 0) return;
        const x = this.x(story.events[selected][TIME]);
        if (x < this.gutter || x > this.width) return;
        this.context.strokeStyle = this.color("accent");
        this.context.setLineDash([4, 3]);
        this.context.beginPath();
        this.context.moveTo(x, 0);
        this.context.lineTo(x, this.height - 30);
        this.context.stroke();
        this.context.setLineDash([]);
    }

    /* ---- Hands ---- */

    /* The event shown that is nearest, on the lane pointed at if it is a task's or a file's. */
    nearest(x, y) {
        const lane = this.lanes[Math.floor((y - 26) / 20)];
        let best = -1, distance = 14;
        for (const i of shown) {
            const event = story.events[i];
            if (lane && lane.kind === "task" && event[LANE] !== lane.index) continue;
            if (lane && lane.kind === "file" && event[FILE] !== lane.index) continue;
            const left = this.xAt(this.begins[i]), right = this.xAt(this.ends[i]);
            const away = x < left ? left - x : Math.max(x - right, 0);
            if (away < distance || (away === distance && away === 0)) {
                best = i;
                distance = away;
            }
        }
        return best;
    }

    step(by) {
        if (shown.length === 0) return;
        const at = shown.indexOf(selected);
        select(shown[at < 0 ? 0 : Math.min(Math.max(at + by, 0), shown.length - 1)]);
    }

    listen() {
        const { canvas } = this;
        let drag = null;
        canvas.addEventListener("wheel", (wheel) => {
            wheel.preventDefault();
            if (wheel.shiftKey) this.pan(Math.sign(wheel.deltaY || wheel.deltaX) * .1);
            else this.zoom(wheel.deltaY > 0 ? 1.25 : .8, wheel.offsetX);
        }, { passive: false });
        canvas.addEventListener("pointerdown", (down) => {
            drag = { x: down.offsetX, from: this.from, to: this.to, moved: false };
            canvas.setPointerCapture(down.pointerId);
        });
        canvas.addEventListener("pointermove", (move) => {
            if (drag === null) return this.hover(move);
            const by = (drag.x - move.offsetX) / (this.width - this.gutter) *
                (drag.to - drag.from);
            drag.moved = drag.moved || Math.abs(drag.x - move.offsetX) > 3;
            if (drag.moved) this.show(drag.from + by, drag.to + by);
            return undefined;
        });
        canvas.addEventListener("pointerup", (up) => {
            if (drag !== null && !drag.moved) {
                const i = this.nearest(up.offsetX, up.offsetY);
                if (i >= 0) select(i, "canvas");
            }
            drag = null;
        });
        canvas.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
        canvas.addEventListener("keydown", (key) => this.key(key));
        byId("zoom-in").onclick = () => this.zoom(.6, (this.width + this.gutter) / 2);
        byId("zoom-out").onclick = () => this.zoom(1.7, (this.width + this.gutter) / 2);
        byId("show-all").onclick = () => this.showAll();
        byId("show-break").disabled = !story.broken;
        byId("show-break").onclick = () => this.showBreak();
        byId("to-scale").addEventListener("change", (change) => {
            this.scale(change.target.checked);
            this.showAll();
        });
        window.addEventListener("resize", () => this.draw());
        window.matchMedia("(prefers-color-scheme: dark)")
            .addEventListener("change", () => this.draw());
    }

    hover(move) {
        const tip = byId("tip"), i = this.nearest(move.offsetX, move.offsetY);
        tip.hidden = i < 0;
        if (i < 0) return;
        tip.textContent = eventText(i);
        tip.style.left = Math.min(move.clientX + 14, window.innerWidth - 450) + "px";
        tip.style.top = move.clientY + 16 + "px";
    }

    key(key) {
        const middle = (this.width + this.gutter) / 2;
        const acts = {
            "+": () => this.zoom(.8, middle), "=": () => this.zoom(.8, middle),
            "-": () => this.zoom(1.25, middle), "0": () => this.showAll(),
            "b": () => this.showBreak(), "B": () => this.showBreak(),
            "ArrowLeft": () => this.pan(-.1), "ArrowRight": () => this.pan(.1),
            "Home": () => this.pan(-1e9), "End": () => this.pan(1e9),
            ",": () => this.step(-1), ".": () => this.step(1),
        };
        if (!acts[key.key] || key.ctrlKey || key.metaKey || key.altKey) return;
        key.preventDefault();
        acts[key.key]();
    }
}

function showLegend() {
    const swatch = (color, words) => make("li", {},
        make("span", { class: "swatch", style: "background:var(--" + color + ")" }), words);
    byId("legend").append(
        swatch("volatile", "written, but a loss of power may still take it"),
        swatch("good", "● acknowledged: promised to survive"),
        swatch("wait", "○ accepted, nothing promised"),
        swatch("accent", "◆ recovered or read"),
        swatch("bad", "▲ a fault was simulated; framed: the call that it struck, or that failed"),
        swatch("stop", "│ power lost or process killed"),
        swatch("bad", "◯ here the promise broke"));
}

/* ---- All of it, and what the page says about itself to whoever opens it without eyes ---- */

fillFilters();
showHead();
showRecords();
showLegend();
showSectors();
const timeline = new Timeline();
applyFilter();
factList.update();
timeline.showAll();
const began = performance.now();
timeline.draw();
const drawnWhole = timeline.drawn, took = performance.now() - began;
timeline.showBreak();
factList.reveal(story.brokenFact);
if (story.brokenFact >= 0) eventList.reveal(shown.indexOf(story.facts[story.brokenFact][0] - 1));

const record = byId("broken-record").getBoundingClientRect();
Object.assign(document.documentElement.dataset, {
    drawn: drawnWhole,
    drawMs: Math.ceil(took),
    rows: document.querySelectorAll(".list .row").length,
    record: [record.left, record.top, record.right, record.bottom].map(Math.round).join(" "),
    firstScreen: record.top >= 0 && record.left >= 0 && record.bottom <= 800 &&
        record.right <= 1280,
    resources: performance.getEntriesByType("resource").length,
    ready: "yes",
});
