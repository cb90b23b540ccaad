/* The first 128 bits of 10^q, rounded down, for reading and writing floats: {high word, low word} of q at [q - POWER_FIRST];
 * 2^127 <= entry < 2^128, and no low word is all ones. */
#ifndef AIPIPE_LIB_DATA_POWERS_OF_TEN_H
#define AIPIPE_LIB_DATA_POWERS_OF_TEN_H

#include <stdint.h>

#define POWER_FIRST (-342)
#define POWER_LAST 324
#define POWER_EXACT_LAST 55 /* entries from 0 to this one are exact: 5^55 < 2^128 */

__extension__ typedef unsigned __int128 u128;

extern const uint64_t aip__powers_of_ten[POWER_LAST - POWER_FIRST + 1][2];

#endif
