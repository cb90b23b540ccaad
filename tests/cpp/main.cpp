// Runs every test of every file; a failure does not stop the others.
#include "check.hpp"

int main() {
    int n_failed = 0;
    for (const check::test &t : check::tests()) {
        std::string why;
        try {
            t.run();
        } catch (const aip::error &e) {
            why = "aip::error: " + std::string(e.status_name()) + ": " + std::string(e.text());
        } catch (const std::exception &e) { why = e.what(); }
        if (why.empty()) continue;
        n_failed++;
        std::fprintf(stderr, "%s FAILED: %s\n", t.name, why.c_str());
    }
    std::printf("%zu tests, %d failed\n", check::tests().size(), n_failed);
    return n_failed > 0 || check::tests().empty();
}
