/* Shared by cmd_inspect.c (tables) and inspect_package.c (packages). */
#ifndef AIPIPE_TOOLS_INSPECT_H
#define AIPIPE_TOOLS_INSPECT_H

#include "tool.h"

bool is_package(const char *path); /* by its first bytes, or its name */
int inspect_package(const args *a, aip_context *ctx);

#endif
