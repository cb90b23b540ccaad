"""What is written in C and plain text: the golden symbols, the versions, the table for modules, the pinned layouts."""

from description import layout, of_kind

NOTE = "Written by scripts/api from bindings/api/aipipe.json: not edited by hand."


def declared(item):
    """`item` as C declares it: its type (or function pointer) and name."""
    if "callback" in item:
        return prototype(item["callback"], f"(*{item['name']})")
    kind = item["type"]
    return f"{kind}{'' if kind.endswith('*') else ' '}{item['name']}"


def prototype(signature, name):
    returns = signature["returns"]
    parameters = ", ".join(declared(p) for p in signature["parameters"]) or "void"
    return f"{returns}{'' if returns.endswith('*') else ' '}{name}({parameters})"


def symbols(description):
    return "".join(f"{name}\n" for name in sorted(e["name"] for e in of_kind(description, "function")))


def versions(description):
    rows = []
    for entry in description["declarations"]:
        rows.append((entry["name"], entry["kind"], entry["since"]))
        rows += [(f"{entry['name']}.{f['name']}", "field", f["since"]) for f in entry.get("fields", []) if "since" in f]
    rows.sort(key=lambda row: row[0].lower())
    wide = max(len(row[0]) for row in rows)
    return f"What the public API has, and the version that each came with. Nothing was ever removed.\n{NOTE}\n\n" + "".join(
        f"{name:<{wide}}  {kind:<8}  {since}\n" for name, kind, since in rows
    )


def grown(description):
    """For abidiff: the structs that grew at their end since they were released."""
    sections = [
        f"\n[suppress_type]\n  type_kind = struct\n  name = {s['name']}\n  has_data_member_inserted_at = end\n"
        for s in of_kind(description, "struct")
        if any("since" in field for field in s["fields"])
    ]
    return f"# Structs that grew at their end since they were released. {NOTE}\n" + "".join(sections)


def slots(description):
    return sorted(of_kind(description, "function"), key=lambda entry: entry["api_slot"])


def api_table_header(description):
    includes = "".join(f"#include <aipipe/{h['name']}>\n" for h in description["headers"])
    members = "".join(f"    {prototype(e, '(*' + e['name'][4:] + ')')}; /* {e['since']} */\n" for e in slots(description))
    return f"""\
/* aipipe/api_table.h: every public function as a member of one struct, through which a loadable module calls the library: by
 * symbol it would not find it in a static host, nor in one that loaded the library privately. It only grows at its end: a module
 * that was built for an older version finds each function where it was, and one that wants a newer function looks at struct_size
 * first (AIP_API_HAS).
 * {NOTE} */
#ifndef AIPIPE_API_TABLE_H
#define AIPIPE_API_TABLE_H

{includes}
#ifdef __cplusplus
extern "C" {{
#endif

/* clang-format off */
typedef struct aip_api {{
    uint32_t struct_size; /* of the library that fills it */
    uint32_t reserved;
{members}}} aip_api;
/* clang-format on */

/* 1 when the table has this member: AIP_API_HAS(api, stage_create). */
#define AIP_API_HAS(api, member) ((api)->struct_size >= offsetof(aip_api, member) + sizeof((api)->member))

#ifdef __cplusplus
}}
#endif
#endif
"""


def module_author(description):
    names = "".join(f"#define {e['name']} (aip_module_table()->{e['name'][4:]})\n" for e in slots(description))
    return f"""/* aipipe/module_author.h: for the source of a loadable module, in place of aipipe/aipipe.h. Below it every aip_x(...) is a call through
 * the table that the library gave, so the module is linked with nothing. In one file of the module, without a semicolon:
 *
 *     static int32_t start(aip_context *ctx, aip_error **err) {{ return aip_catalog_register(ctx, &my_connector, err); }}
 *     AIP_MODULE_DEFINE(start)
 *
 * Build it as a shared object with hidden symbols: cc -shared -fPIC -fvisibility=hidden my.c -o my.so
 * {NOTE} */
#ifndef AIPIPE_MODULE_AUTHOR_H
#define AIPIPE_MODULE_AUTHOR_H

#include <aipipe/api_table.h>

#ifdef __cplusplus
#define AIP_MODULE_C extern "C"
#else
#define AIP_MODULE_C extern
#endif

/* The bytes of the table up to and with a function: what a module needs that calls none that came later. */
#define AIP_API_UP_TO(member) (offsetof(aip_api, member) + sizeof(((aip_api *)0)->member))

/* A library with a shorter table refuses the module. To run with older ones too, define it before this header as
 * AIP_API_UP_TO(the latest function that is called), or look at AIP_API_HAS(aip_module_table(), function) before a call. */
#ifndef AIP_MODULE_NEEDS
#define AIP_MODULE_NEEDS sizeof(aip_api)
#endif

AIP_MODULE_C __attribute__((visibility("hidden"))) const aip_api *aip_module_api; /* of the whole module; set before start */
/* Read so that two contexts may load the module at once: a plain load on every machine. */
static inline const aip_api *aip_module_table(void) {{ return __atomic_load_n(&aip_module_api, __ATOMIC_RELAXED); }}

/* clang-format off */
/* The two exports. One library's table is good for every context; that of a second copy of the library in the process is refused. */
#define AIP_MODULE_DEFINE(start)                                                                                          \\
    AIP_MODULE_C AIP_API const uint32_t aip_module_api_size;                                                              \\
    const uint32_t aip_module_api_size = (uint32_t)(AIP_MODULE_NEEDS);                                                    \\
    const aip_api *aip_module_api;                                                                                        \\
    AIP_MODULE_C AIP_API int32_t aip_module_init(const aip_api *api, aip_context *ctx, aip_error **err);                  \\
    int32_t aip_module_init(const aip_api *api, aip_context *ctx, aip_error **err) {{                                      \\
        const aip_api *before = NULL;                                                                                     \\
        if (!__atomic_compare_exchange_n(&aip_module_api, &before, api, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) && before != api) \\
            return api->error_set(err, AIP_E_STATE, "another copy of libaipipe in this process has loaded the module");   \\
        return start(ctx, err);                                                                                           \\
    }}

{names}/* clang-format on */

#endif
"""


def api_table_source(description):
    members = "".join(f"    {entry['name']},\n" for entry in slots(description))
    return f"""/* library/api_table.c: the table of all public functions that a module is given.
 * {NOTE} */
#include "library/api.h"

/* clang-format off */
const aip_api aip__api = {{
    sizeof(aip_api),
    0,
{members}}};
/* clang-format on */
"""


def layouts(description):
    out = [
        f"""/* tests/abi/layouts.c: sizes, offsets, constants and types as they were released; it is enough that this compiles.
 * {NOTE} */
#include <aipipe/aipipe.h>
#include <aipipe/api_table.h>
#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX != UINT64_MAX
#error "the layouts are pinned for 64-bit pointers"
#endif

/* clang-format off */
#define FIELD(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field " moved")
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " has another size, or padding that nobody named")
#define CONSTANT(name, type, value) _Static_assert((name) == (value) && _Generic((name), type: 1, default: 0), #name " changed")
#define FUNCTION(name, type) _Static_assert(_Generic(&name, type: 1, default: 0), #name " has another type")
"""
    ]
    for struct in of_kind(description, "struct"):
        size, fields = layout(struct)
        name = ("struct " if struct.get("tag") else "") + struct["name"]
        out.append(f"\nSIZE({name}, {size});\n" + "".join(f"FIELD({name}, {field}, {offset});\n" for field, offset in fields))
    out.append("\n")
    for entry in of_kind(description, "constant"):
        if entry["type"] not in ("const char *", "double"):
            value = entry["value"]
            text = (
                f"{value}U" + ("LL" if value > 2**32 else "")
                if value > 2**31
                else "INT32_MIN"
                if value == -(2**31)
                else str(value)
            )
            out.append(f"CONSTANT({entry['name']}, {entry['type']}, {text});\n")
    out.append("\n" + "".join(f"FUNCTION({e['name']}, {prototype(e, '(*)')});\n" for e in of_kind(description, "function")))
    table = slots(description)
    out.append(
        f"\nSIZE(aip_api, {8 + 8 * len(table)});\n"
        + "".join(f"FIELD(aip_api, {e['name'][4:]}, {8 + 8 * e['api_slot']});\n" for e in table)
    )
    out.append("/* clang-format on */\n\nint main(void) { return 0; }\n")
    return "".join(out)
