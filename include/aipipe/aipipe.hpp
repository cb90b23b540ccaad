// aipipe/aipipe.hpp: the C++ face of the library, header-only over its C interface (C++17). Handles share and free themselves, in any order;
// failures are aip::error; lambdas are stages, tasks, sources, progress and log; nothing is exported, and no exception passes through C
// frames. docs/cpp.md is the guide; thread tags are those of the C functions beneath.
#ifndef AIPIPE_AIPIPE_HPP
#define AIPIPE_AIPIPE_HPP

#include <aipipe/aipipe.h>
#include <aipipe/cpp/context.hpp>

#endif
