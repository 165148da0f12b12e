/*
 * faults_print.h - the catalogue of faults for people: as text, and as docs/faults.md.
 */
#ifndef CMD_FAULTS_PRINT_H
#define CMD_FAULTS_PRINT_H

#include <stdio.h>

void faults_print_text(FILE *out);
void faults_print_markdown(FILE *out);

#endif
