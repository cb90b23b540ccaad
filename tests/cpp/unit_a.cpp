// One of two translation units that include and use the same header: linked together, and looked at by symbols.py.
#include <aipipe/aipipe.hpp>

std::int64_t rows_of_a(const aip::context &ctx);
std::int64_t rows_of_a(const aip::context &ctx) {
    aip::dag dag = ctx.dag("a");
    dag.add("one", [](aip::task &t) { t.log(aip::level::info, "one"); });
    dag.start({}).wait();
    return ctx.from_columns({{"x", std::vector<double>{1, 2}}}).count();
}
