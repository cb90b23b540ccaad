// Two translation units that include the header are one program.
#include "check.hpp"

std::int64_t rows_of_a(const aip::context &ctx);
std::int64_t rows_of_b(const aip::context &ctx);

TEST(two_units_of_one_program_share_the_header) {
    const aip::context ctx;
    CHECK_EQ(rows_of_a(ctx) + rows_of_b(ctx), 5);
}
