// check.hpp: what the C++ tests share: a test is TEST(the_rule_it_holds) { ... }, and CHECK, CHECK_EQ and FAILS hold what it says.
#ifndef AIPIPE_TESTS_CPP_CHECK_HPP
#define AIPIPE_TESTS_CPP_CHECK_HPP

#include <aipipe/aipipe.hpp>

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace check {

struct test {
    const char *name;
    void (*run)();
};
inline std::vector<test> &tests() {
    static std::vector<test> all;
    return all;
}
struct added {
    added(const char *name, void (*run)()) { tests().push_back({name, run}); }
};
struct failed : std::exception {
    explicit failed(std::string what) : text(std::move(what)) {}
    const char *what() const noexcept override { return text.c_str(); }
    std::string text;
};
inline std::string at(const char *file, int line) { return std::string(file) + ":" + std::to_string(line) + ": "; }

template <class A, class B> void equal(const A &a, const B &b, const char *text, const char *file, int line) {
    if (a == b) return;
    std::ostringstream s;
    s.precision(17);
    s << at(file, line) << text << ": found " << a << ", expected " << b;
    throw failed(s.str());
}
// The call must throw an aip::error of this status whose text, place and message, has `part` in it.
template <class F> void fails(F f, std::int32_t status, std::string_view part, const char *text, const char *file, int line) {
    try {
        f();
    } catch (const aip::error &e) {
        if (e.status() != status || std::string(e.text()).find(part) == std::string::npos)
            throw failed(at(file, line) + text + ": status " + std::to_string(e.status()) + ", " + std::string(e.text()));
        return;
    }
    throw failed(at(file, line) + text + " did not fail");
}

// A file or folder of the test's own, and what the source tree holds.
inline std::string temporary(const std::string &name) {
    static const std::string folder = [] {
        char made[] = "/tmp/aipipe-cpp-XXXXXX";
        if (!mkdtemp(made)) throw failed("no temporary folder");
        return std::string(made);
    }();
    return folder + "/" + name;
}

} // namespace check

#define TEST(name)                                        \
    static void name();                                   \
    static const check::added name##_added(#name, &name); \
    static void name()
#define CHECK(condition) \
    if (!(condition)) throw check::failed(check::at(__FILE__, __LINE__) + #condition)
#define CHECK_EQ(a, b) check::equal((a), (b), #a, __FILE__, __LINE__)
#define FAILS(call, status, part) check::fails([&] { (void)(call); }, (status), (part), #call, __FILE__, __LINE__)

#endif
