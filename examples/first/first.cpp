#include <aipipe/aipipe.hpp>
#include <cstdio>

int main() try {
    const aip::context ctx;
    const aip::dataset data = ctx.read_csv("sample_data.csv");
    const aip::package package =
        (ctx.stage("standard_scaler") | ctx.model("logistic_regression", {{"C", 0.5}})).fit(data, "target");
    package.save("model.aip");
    package.predict(data).write({{"path", "scored.csv"}});
} catch (const aip::error &e) {
    return std::fprintf(stderr, "%s: %s\n", e.where().c_str(), e.what()), 1;
}
