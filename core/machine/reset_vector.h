/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies where a PC's BIOS starts.  A kernel that knows no better way to restart a PC goes back
 * to real mode and jumps to F000:FFF0; here it finds a few instructions that reset the machine.
 */
#ifndef CORE_MACHINE_RESET_VECTOR_H
#define CORE_MACHINE_RESET_VECTOR_H

#include "core/base/err.h"
#include "core/memory.h"

#define RESET_VECTOR_GPA 0xffff0ull

int reset_vector_load(struct memory *memory, struct err *err);

#endif
