// aipipe/cpp/json.hpp: parameters as C++ writes them: {{"strategy", "median"}, {"columns", {"age", "fare"}}}.
#ifndef AIPIPE_CPP_JSON_HPP
#define AIPIPE_CPP_JSON_HPP

#include <aipipe/cpp/error.hpp>

#include <charconv>
#include <cmath>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>

namespace aip {
inline namespace v1 {

class json;

namespace detail {
template <class T, class = void> struct is_range : std::false_type {};
template <class T>
struct is_range<T, std::void_t<decltype(std::begin(std::declval<const T &>())), decltype(std::end(std::declval<const T &>()))>>
    : std::bool_constant<!std::is_convertible_v<const T &, std::string_view> && !std::is_array_v<T>> {};
} // namespace detail

/// A JSON value, kept as its text: what the library takes parameters as. Braces build it: a list of pairs whose first is a string is an
/// object, any other list an array; json::array and json::object say it outright. It only builds: what the library gives back is text.
class json {
  public:
    /// null; as parameters it means the defaults.
    json() : text_("null") {}
    json(std::nullptr_t) : json() {}
    /// true or false.
    template <class T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0> json(T value) : text_(value ? "true" : "false") {}
    /// A number. NaN and the infinities are the texts "NaN", "Infinity" and "-Infinity", which parameters take for numbers.
    template <class T, std::enable_if_t<std::is_arithmetic_v<T> && !std::is_same_v<T, bool>, int> = 0> json(T value) {
        if constexpr (std::is_floating_point_v<T>) {
            if (!std::isfinite(value)) {
                text_ = std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
                return;
            }
        }
        char digits[64];
        text_.assign(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    }
    /// A string, UTF-8.
    json(std::string_view value) { quote(value); }
    json(const char *value) : json(std::string_view(value)) {}
    json(const std::string &value) : json(std::string_view(value)) {}
    /// An array of what any range holds.
    template <class Range, std::enable_if_t<detail::is_range<Range>::value, int> = 0> json(const Range &values) {
        text_ = "[";
        for (const auto &value : values) {
            if (text_.size() > 1) text_ += ',';
            text_ += json(value).text_;
        }
        text_ += ']';
    }
    /// An object when each value is a pair whose first is a string; else an array.
    json(std::initializer_list<json> values) {
        bool pairs = values.size() > 0;
        for (const json &value : values) pairs = pairs && value.key_ > 0;
        build(values, pairs);
        if (!pairs && values.size() == 2 && values.begin()->text_[0] == '"') key_ = values.begin()->text_.size();
    }
    /// An array, whatever is in it.
    static json array(std::initializer_list<json> values) {
        json made;
        made.build(values, false);
        return made;
    }
    /// An object; each value must be a pair whose first is a string (AIP_E_PARAM).
    static json object(std::initializer_list<json> values) {
        json made;
        for (const json &value : values)
            if (value.key_ == 0) throw error(AIP_E_PARAM, "expected pairs of a name and a value, found " + value.text_);
        made.build(values, true);
        return made;
    }
    /// JSON text as it stands; the library says where it does not parse.
    static json raw(std::string text) {
        json made;
        made.text_ = std::move(text);
        return made;
    }

    /// A copy of an object (or of null) with one member more. AIP_E_PARAM for anything else.
    json with(std::string_view name, const json &value) const {
        const bool none = is_null() || text_ == "{}";
        if (!none && (text_.size() < 2 || text_.front() != '{' || text_.back() != '}'))
            throw error(AIP_E_PARAM, "expected an object, found " + text_);
        json made;
        made.text_ = none ? "{" : text_.substr(0, text_.size() - 1) + ",";
        made.text_ += json(name).text_ + ":" + value.text_ + "}";
        return made;
    }
    /// Whether it is null.
    bool is_null() const noexcept { return text_ == "null"; }
    /// The JSON text.
    const std::string &text() const noexcept { return text_; }
    /// The text for a parameter of the C interface: NULL for null.
    const char *c_str() const noexcept { return is_null() ? nullptr : text_.c_str(); }

  private:
    void build(std::initializer_list<json> values, bool object) {
        text_ = object ? "{" : "[";
        for (const json &value : values) {
            if (text_.size() > 1) text_ += ',';
            if (object) { // the pair ["name",value] without its brackets, and a colon for its comma
                text_.append(value.text_, 1, value.key_);
                text_ += ':';
                text_.append(value.text_, value.key_ + 2, value.text_.size() - value.key_ - 3);
            } else {
                text_ += value.text_;
            }
        }
        text_ += object ? '}' : ']';
    }
    void quote(std::string_view value) {
        static constexpr char hex[] = "0123456789abcdef";
        text_ = "\"";
        for (const char c : value) {
            const auto byte = static_cast<unsigned char>(c);
            if (c == '"' || c == '\\') {
                text_ += '\\';
                text_ += c;
            } else if (byte < 0x20) {
                text_ += "\\u00";
                text_ += hex[byte >> 4];
                text_ += hex[byte & 15];
            } else {
                text_ += c;
            }
        }
        text_ += '"';
    }
    std::string text_;
    std::size_t key_ = 0; // of an array [string, value]: bytes of the string's text; 0: no such array
};

} // namespace v1
} // namespace aip

#endif
