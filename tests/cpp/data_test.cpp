// Schemas, batches, columns as typed views, and datasets in and out. Expected values are those that the test itself puts in.
#include "check.hpp"

#include <array>
#include <deque>
#include <fstream>
#include <list>

namespace {

struct base_row {
    double distance;
};
struct row : base_row {
    std::int32_t hour;
    bool late;
    const char *carrier;
    std::optional<std::string> note;
    float delay;
    aip::date day;
    aip::timestamp at;
    std::int64_t id;
};

aip::context inline_context() { return aip::context(aip::options{}.threads(1)); }

std::string write_csv(const std::string &name, const std::string &text) {
    const std::string path = check::temporary(name);
    std::ofstream(path) << text;
    return path;
}

} // namespace

TEST(a_schema_gives_back_its_fields) {
    const aip::context ctx = inline_context();
    const aip::schema s = ctx.schema({{"id", aip::type::int64, false},
                                      {"at", aip::type::timestamp, true, "Europe/Oslo"},
                                      {"price", aip::type::decimal64, true, "", 2}});
    CHECK_EQ(s.size(), 3);
    CHECK(s[0].name == "id" && s[0].type == aip::type::int64 && !s[0].nullable && s[0].zone.empty());
    CHECK(s[1].zone == "Europe/Oslo" && s[2].scale == 2);
    CHECK_EQ(s.find("price"), 2);
    CHECK_EQ(s.find("prize"), -1);
    CHECK_EQ(s.fields().size(), 3u);
    CHECK_EQ(aip::name_of(s[2].type), "decimal64");
    FAILS(s[3], AIP_E_MISUSE, "field 3 of a schema of 3");
    FAILS(ctx.schema({{"a", aip::type::int64}, {"a", aip::type::int64}}), AIP_E_SCHEMA, "a");
}

TEST(every_container_becomes_a_column_of_its_type) {
    const aip::context ctx = inline_context();
    const std::vector<double> f64 = {1.5, -2};
    const std::array<float, 2> f32 = {0.5f, 1};
    const std::deque<std::int16_t> narrow = {-3, 4};
    const std::vector<std::uint32_t> wide = {4000000000u, 1};
    const long long longs[2] = {1ll << 40, -1};
    const std::vector<bool> bits = {true, false};
    const std::list<std::string> texts = {"a", "\xc3\xa9"};
    const std::vector<const char *> pointers = {"x", nullptr};
    const std::vector<std::optional<double>> holes = {std::nullopt, 7.0};
    const std::vector<std::optional<std::string_view>> gaps = {"g", std::nullopt};
    const std::vector<std::optional<bool>> maybe = {std::nullopt, true};
    const std::vector<aip::date> days = {{0}, {19000}};
    const std::vector<aip::timestamp> times = {{0}, {1000000}};
    const aip::dataset d = ctx.from_columns({{"f64", f64},
                                             {"f32", f32},
                                             {"narrow", narrow},
                                             {"wide", wide},
                                             {"longs", longs},
                                             {"bits", bits},
                                             {"texts", texts},
                                             {"pointers", pointers},
                                             {"holes", holes},
                                             {"gaps", gaps},
                                             {"maybe", maybe},
                                             {"days", days},
                                             {"times", times}});
    std::string types;
    for (const aip::field &f : d.schema().fields()) types += std::string(aip::name_of(f.type)) + " ";
    CHECK_EQ(types, "float64 float32 int32 int64 int64 bool utf8 utf8 float64 utf8 bool date32 timestamp ");
    CHECK_EQ(d.schema()[12].zone, "UTC");
    CHECK_EQ(d.count(), 2);
    d.each([](const aip::batch &b) {
        CHECK(b.column<double>("f64").data()[1] == -2 && *b.column<double>("f32")[0] == 0.5);
        CHECK_EQ(*b.column<std::int32_t>("narrow")[0], -3);
        CHECK_EQ(*b.column<std::int64_t>("narrow")[1], 4);
        CHECK_EQ(*b.column<std::int64_t>("wide")[0], 4000000000);
        CHECK_EQ(*b.column<double>("longs")[0], 1099511627776.0);
        CHECK(*b.column<bool>("bits")[0] && !*b.column<bool>("bits")[1]);
        CHECK_EQ(*b.column<std::string_view>("texts")[1], "\xc3\xa9");
        CHECK(*b.column<std::string_view>("pointers")[0] == "x" && !b.column<std::string_view>("pointers")[1]);
        const aip::column<double> holes_seen = b.column<double>("holes");
        CHECK(!holes_seen[0] && *holes_seen[1] == 7 && holes_seen.null_count() == 1 && holes_seen.value(0) == 0);
        CHECK(!holes_seen.valid(0) && holes_seen.valid(1) && holes_seen.size() == 2);
        CHECK(*b.column<std::string_view>("gaps")[0] == "g" && !b.column<std::string_view>("gaps")[1]);
        CHECK(!b.column<bool>("maybe")[0] && *b.column<bool>("maybe")[1]);
        CHECK(*b.column<aip::date>("days")[1] == aip::date{19000});
        CHECK(*b.column<aip::timestamp>("times")[1] == aip::timestamp{1000000}
              && *b.column<aip::timestamp>(12)[0] != aip::timestamp{5});
    });
    FAILS(ctx.from_columns({{"a", f64}, {"b", std::vector<double>{1}}}), AIP_E_MISUSE, "'b' has 1 rows");
    CHECK_EQ(ctx.from_columns({{"none", std::vector<std::string>()}}).count(), 0);
}

TEST(a_column_of_another_type_is_an_error_that_names_it) {
    const aip::context ctx = inline_context();
    const aip::batch b = ctx.batch({{"x", std::vector<double>{1}}, {"s", std::vector<std::string>{"a"}}});
    FAILS(b.column<std::int64_t>("x"), AIP_E_SCHEMA, "column 'x' is float64: it cannot be read as int64");
    FAILS(b.column<double>("s"), AIP_E_SCHEMA, "column 's' is utf8");
    FAILS(b.column<std::string_view>("x"), AIP_E_SCHEMA, "cannot be read as text");
    FAILS(b.column<double>("y"), AIP_E_SCHEMA, "no column 'y' (columns: x, s)");
    FAILS(b.column<double>(2), AIP_E_MISUSE, "column 2");
}

TEST(a_column_keeps_its_batch_and_gives_every_row_in_turn) {
    const aip::context ctx = inline_context();
    std::vector<std::optional<double>> seen;
    aip::column<double> c = ctx.batch({{"x", std::vector<std::optional<double>>{1.0, std::nullopt, 3.0}}}).column<double>("x");
    for (const std::optional<double> x : c) seen.push_back(x);
    CHECK(seen.size() == 3 && *seen[0] == 1 && !seen[1] && *seen[2] == 3);
    auto it = c.begin();
    CHECK(*it++ == 1.0 && it != c.end() && !*it);
}

TEST(decimals_and_dictionaries_are_seen_as_numbers_and_texts) {
    const aip::context ctx = inline_context();
    const std::string path = write_csv("prices.csv", "price,k\n12.50,a\n,b\n-0.25,c\n");
    const aip::dataset d = ctx.read_csv(path, {{"types", {{"price", "decimal64(2)"}}}});
    CHECK(d.schema()[0].type == aip::type::decimal64 && d.schema()[0].scale == 2);
    const auto prices = d.values<double>("price");
    CHECK(*prices[0] == 12.5 && !prices[1] && *prices[2] == -0.25);

    const aip::schema s = ctx.schema({{"city", aip::type::dictionary}});
    const std::int32_t codes[3] = {1, 0, 0}, offsets[3] = {0, 4, 8};
    const std::uint8_t valid = 3; // the third is missing
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    v.type = AIP_DICTIONARY;
    v.length = 3;
    v.null_count = 1;
    v.validity = &valid;
    v.values = codes;
    v.dictionary_length = 2;
    v.dictionary_offsets = offsets;
    v.dictionary_bytes = "OsloRome";
    aip_batch *made = nullptr;
    CHECK_EQ(aip_batch_create(s.get(), &v, 1, &made, nullptr), AIP_OK);
    const aip::batch b(made, s.owner());
    const auto cities = b.column<std::string_view>("city");
    CHECK(*cities[0] == "Rome" && *cities[1] == "Oslo" && !cities[2]);
}

TEST(a_derived_batch_has_the_new_column_and_shares_the_old_ones) {
    const aip::context ctx = inline_context();
    const aip::batch in = ctx.batch({{"x", std::vector<std::optional<double>>{1.0, std::nullopt, 3.0}},
                                     {"n", std::vector<std::int64_t>{4, 5, 6}},
                                     {"s", std::vector<const char *>{"a", nullptr, "c"}}});
    aip::batch out = in;
    int n_called = 0;
    out.derive("twice", in.column<double>("x"), [&](double x) { return n_called++, 2 * x; });
    CHECK_EQ(n_called, 2); // not for the missing one
    out.derive("sum", in.column<double>("x"), in.column<std::int64_t>("n"),
               [](double x, std::int64_t n) { return x + static_cast<double>(n); });
    out.derive("label", in.column<std::string_view>("s"), in.column<std::int64_t>("n"), in.column<double>("x"),
               [](std::string_view s, std::int64_t n, double) { return std::string(s) + std::to_string(n); });
    out.derive("small", in.column<std::int64_t>("n"), [](std::int64_t n) { return n < 6; });
    out.derive("odd", in.column<std::int64_t>("n"),
               [](std::int64_t n) { return n % 2 ? std::optional<std::int32_t>(1) : std::nullopt; });
    out.derive("day", in.column<std::int64_t>("n"), [](std::int64_t n) { return aip::date{static_cast<std::int32_t>(n)}; });
    CHECK_EQ(in.schema().size(), 3);
    CHECK_EQ(out.schema().size(), 9);
    CHECK(*out.column<double>("twice")[2] == 6 && !out.column<double>("twice")[1]);
    CHECK(*out.column<double>("sum")[0] == 5 && !out.column<double>("sum")[1]);
    CHECK(*out.column<std::string_view>("label")[2] == "c6" && out.column<std::string_view>("label").null_count() == 1);
    CHECK(*out.column<bool>("small")[1] && !*out.column<bool>("small")[2]);
    CHECK(!out.column<std::int32_t>("odd")[0] && *out.column<std::int32_t>("odd")[1] == 1);
    CHECK(*out.column<aip::date>("day")[2] == aip::date{6});
    CHECK(out.column<double>("x").data() == in.column<double>("x").data()); // shared
    out.derive("x", in.column<double>("x"), [](double x) { return -x; });   // replaced, in its place
    CHECK(out.schema()[0].name == "x" && *out.column<double>(0)[0] == -1);
    out.select({"s", "n"}).drop("s");
    CHECK(out.schema().size() == 1 && out.column<std::int64_t>("n").data() == in.column<std::int64_t>("n").data());
    out.set({"m", std::vector<float>{1, 2, 3}});
    CHECK_EQ(*out.column<float>("m")[2], 3.0f);
    FAILS(out.set({"m", std::vector<float>{1}}), AIP_E_MISUSE, "'m' has 1 rows");
    FAILS(out.drop("q"), AIP_E_SCHEMA, "no column 'q'");
    FAILS(out.select({"q"}), AIP_E_SCHEMA, "no column 'q'");
    CHECK_EQ(out.schema().size(), 2); // as it was
    FAILS(out.derive("z", in.column<double>("x"), [](double) -> double { throw aip::error(9, "no"); }), 9, "no");
}

TEST(structs_become_a_dataset_by_their_members) {
    const aip::context ctx = inline_context();
    std::vector<row> rows(2);
    rows[0] = row{{762.5}, 7, true, "DL", "n", 1.5f, {15000}, {5}, 1};
    rows[1] = row{{std::nan("")}, 8, false, nullptr, std::nullopt, std::nanf(""), {15001}, {6}, 2};
    const aip::dataset d = ctx.from_rows(rows, {{"distance", &row::distance},
                                                {"hour", &row::hour},
                                                {"late", &row::late},
                                                {"carrier", &row::carrier},
                                                {"note", &row::note},
                                                {"delay", &row::delay},
                                                {"day", &row::day},
                                                {"at", &row::at},
                                                {"id", &row::id}});
    CHECK_EQ(d.schema().size(), 9);
    CHECK(*d.values<double>("distance")[0] == 762.5 && !d.values<double>("distance")[1]); // a NaN is missing
    CHECK(*d.values<std::int32_t>("hour")[1] == 8 && *d.values<bool>("late")[0]);
    CHECK(*d.values<std::string>("carrier")[0] == "DL" && !d.values<std::string>("carrier")[1]);
    CHECK(*d.values<std::string>("note")[0] == "n" && !d.values<std::string>("note")[1]);
    CHECK(*d.values<float>("delay")[0] == 1.5f && !d.values<float>("delay")[1]);
    CHECK(*d.values<aip::date>("day")[1] == aip::date{15001} && *d.values<aip::timestamp>("at")[0] == aip::timestamp{5});
    CHECK_EQ(*d.values<std::int64_t>("id")[1], 2);
}

TEST(files_are_read_and_written_and_rows_accounted_for) {
    const aip::context ctx = inline_context();
    const std::string in = write_csv("in.csv", "id,x\n1,0.5\n2,oops\n3,1.5\n");
    FAILS(ctx.read({{"path", in}, {"types", {{"x", "float64"}}}}).count(), AIP_E_DATA, "in.csv:3:3");
    const aip::dataset d = ctx.read({{"path", in}, {"types", {{"x", "float64"}}}, {"on_bad_row", "reject"}});
    const std::string out = check::temporary("out.csv");
    const aip::row_counts counts = d.write({{"path", out}});
    CHECK(counts.rows_in == 3 && counts.rows_out == 2 && counts.rows_rejected == 1 && counts.rows_filtered == 0);
    CHECK_EQ(*d.rejects().values<std::int64_t>("line")[0], 3);
    std::stringstream text;
    text << std::ifstream(out).rdbuf();
    CHECK_EQ(text.str(), "id,x\n1,0.5\n3,1.5\n");
    CHECK_EQ(d.head(1).count(), 1);
    const aip::row_counts seen = d.each([](const aip::batch &) {});
    CHECK(seen.rows_in == 3 && seen.rows_rejected == 1);
    FAILS(ctx.read_csv(check::temporary("none.csv")), AIP_E_NOT_FOUND, "none.csv");
    FAILS(ctx.read_csv(in, {{"delimeter", ";"}}), AIP_E_PARAM, "delimiter");
}

TEST(collect_and_split_keep_rows) {
    const aip::context ctx = inline_context();
    std::vector<std::int64_t> ids(100);
    for (std::size_t i = 0; i < ids.size(); i++) ids[i] = static_cast<std::int64_t>(i);
    const aip::dataset d = ctx.from_columns({{"id", ids}});
    const auto [train, test] = d.split({{"test_size", 0.2}, {"random_state", 42}});
    CHECK_EQ(train.count(), 80);
    // sklearn.model_selection.train_test_split(range(100), test_size=0.2, random_state=42)[1], sorted: its first five
    const auto held = test.collect().values<std::int64_t>("id");
    CHECK(held.size() == 20 && *held[0] == 0 && *held[1] == 4 && *held[2] == 10 && *held[3] == 12 && *held[4] == 18);
    FAILS(d.split({{"test_size", 2.5}}), AIP_E_PARAM, "expected a fraction between 0 and 1");
}

TEST(a_pass_ends_when_the_lambda_says_so) {
    const aip::context ctx = inline_context();
    const aip::dataset d = ctx.from_columns({{"x", std::vector<double>(200000, 1.0)}});
    int n = 0;
    d.each([&](const aip::batch &) { return ++n < 2; });
    CHECK_EQ(n, 2);
    FAILS(d.each([](const aip::batch &) { throw aip::error(AIP_E_DATA, "stop here"); }), AIP_E_DATA, "stop here");
    bool thrown = false;
    try {
        d.each([](const aip::batch &) { throw std::logic_error("the original"); });
    } catch (const std::logic_error &e) { thrown = std::string(e.what()) == "the original"; }
    CHECK(thrown);
    thrown = false;
    try {
        d.each([](const aip::batch &) { throw 5; });
    } catch (const int five) { thrown = five == 5; }
    CHECK(thrown);
}

TEST(a_callback_is_a_source_and_what_it_throws_comes_through) {
    const aip::context ctx = inline_context();
    const aip::schema s = ctx.schema({{"x", aip::type::float64}});
    int left = 0, opened = 0;
    const auto next = [&]() -> std::optional<aip::batch> {
        if (left-- == 0) return std::nullopt;
        return ctx.batch({{"x", std::vector<double>{1, 2}}});
    };
    const aip::dataset again = ctx.from_source(s, next, [&] { opened++, left = 3; });
    CHECK_EQ(again.values<double>("x").size(), 6u);
    CHECK_EQ(again.values<double>("x").size(), 6u);
    CHECK_EQ(opened, 2);
    left = 1;
    const aip::dataset once = ctx.from_source(s, next);
    CHECK_EQ(once.values<double>("x").size(), 2u);
    FAILS(once.values<double>("x"), AIP_E_STATE, "");
    bool thrown = false;
    try {
        ctx.from_source(s, []() -> std::optional<aip::batch> { throw std::range_error("next"); }).collect();
    } catch (const std::range_error &e) { thrown = std::string(e.what()) == "next"; }
    CHECK(thrown);
    FAILS(ctx.from_source(s, next, [] { throw aip::error(3, "open"); }).collect(), 3, "open");
    FAILS(ctx.from_source(s,
                          [&] {
                              return std::optional<aip::batch>(ctx.batch({{"y", std::vector<double>{1}}}));
                          })
              .collect(),
          AIP_E_SCHEMA, "another schema");
    FAILS(ctx.from_source(aip::schema(), next), AIP_E_MISUSE, "");
    const aip::batch b = ctx.batch({{"x", std::vector<double>{4}}});
    CHECK_EQ(ctx.from_batches(s, {b, b, b}).count(), 3);
}

TEST(tables_cross_as_arrow) {
    const aip::context ctx = inline_context(), other = inline_context();
    ArrowArrayStream stream{};
    ctx.from_columns({{"x", std::vector<double>{1, 2, 3}}}).to_arrow(&stream);
    const aip::dataset d = other.from_arrow(&stream).collect();
    CHECK_EQ(*d.values<double>("x")[2], 3.0);
    ArrowSchema schema{};
    ArrowArray array{};
    {
        const aip::batch b = ctx.batch({{"n", std::vector<std::int32_t>{7, 8}}});
        b.to_arrow(&schema, &array);
    }
    CHECK(array.length == 2 && std::string(schema.children[0]->name) == "n");
    CHECK_EQ(static_cast<const std::int32_t *>(array.children[0]->buffers[1])[1], 8);
    array.release(&array);
    schema.release(&schema);
}
