/*
 * report_html.h - a story as one HTML file that needs nothing but a browser.
 */
#ifndef CMD_REPORT_HTML_H
#define CMD_REPORT_HTML_H

#include <stdio.h>

#include "cmd/story.h"

void report_html_write(FILE *out, const struct story *story);

/* The parts of the page, made of cmd/report_page.* and cmd/report_timeline.js by the build. */
extern const char report_page_html[];
extern const char report_page_css[];
extern const char report_page_js[];
extern const char report_timeline_js[];

#endif
