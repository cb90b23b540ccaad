/* library/api.h: the table of all public functions that a loadable module calls the library through. */
#ifndef AIP_LIBRARY_API_H
#define AIP_LIBRARY_API_H

#include <aipipe/api_table.h>

extern const aip_api aip__api;

#endif
