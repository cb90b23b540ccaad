// The other of the two.
#include <aipipe/aipipe.hpp>

struct seat {
    double x;
};
std::int64_t rows_of_b(const aip::context &ctx);
std::int64_t rows_of_b(const aip::context &ctx) {
    ctx.define_stage("unit_b", "nothing", {}, [](const aip::params &, const aip::batch &, aip::batch &) {});
    const std::vector<seat> seats = {{1}, {2}, {3}};
    return ctx.from_rows(seats, {{"x", &seat::x}}).transform(ctx.stage("unit_b")).count();
}
