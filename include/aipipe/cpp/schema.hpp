// aipipe/cpp/schema.hpp: types, fields and schemas, and how C++ types stand for the library's.
#ifndef AIPIPE_CPP_SCHEMA_HPP
#define AIPIPE_CPP_SCHEMA_HPP

#include <aipipe/cpp/error.hpp>
#include <aipipe/data.h>

#include <optional>
#include <type_traits>

namespace aip {
inline namespace v1 {

/// The type of a column.
enum class type : std::int32_t {
    boolean = AIP_BOOL,
    int32 = AIP_INT32,
    int64 = AIP_INT64,
    float32 = AIP_FLOAT32,
    float64 = AIP_FLOAT64,
    utf8 = AIP_UTF8,
    binary = AIP_BINARY,
    dictionary = AIP_DICTIONARY, ///< int32 codes into utf8
    date32 = AIP_DATE32,
    timestamp = AIP_TIMESTAMP,
    decimal64 = AIP_DECIMAL64
};
/// "int64", "utf8", ...
inline std::string_view name_of(type t) noexcept { return aip_type_name(static_cast<std::int32_t>(t)); }

/// A day: days since 1970-01-01.
struct date {
    std::int32_t days;
    friend bool operator==(date a, date b) noexcept { return a.days == b.days; }
    friend bool operator!=(date a, date b) noexcept { return !(a == b); }
};
/// A point in time: microseconds since 1970-01-01 00:00, UTC where the column has a zone, else wall time. Columns made from it are UTC.
struct timestamp {
    std::int64_t microseconds;
    friend bool operator==(timestamp a, timestamp b) noexcept { return a.microseconds == b.microseconds; }
    friend bool operator!=(timestamp a, timestamp b) noexcept { return !(a == b); }
};

/// A column's name and type.
struct field {
    std::string name;     ///< UTF-8
    aip::type type;       ///< of its values
    bool nullable = true; ///< may hold missing values
    std::string zone{};   ///< of a timestamp: IANA name or "UTC"; empty: wall time
    std::int32_t scale{}; ///< of a decimal64
};

namespace detail {

template <class T> struct is_optional : std::false_type {};
template <class T> struct is_optional<std::optional<T>> : std::true_type {};
/// T of std::optional<T>, or the type itself.
template <class T> struct plain { using type = T; };
template <class T> struct plain<std::optional<T>> { using type = T; };
template <class T> using plain_t = typename plain<std::remove_cv_t<std::remove_reference_t<T>>>::type;

template <class T> inline constexpr bool is_text = std::is_convertible_v<const T &, std::string_view>;
template <class T> inline constexpr bool unknown_type = false;

/// The library's type for a C++ type: bool, integers, float, double, texts, date, timestamp.
template <class T> constexpr type type_for() {
    if constexpr (std::is_same_v<T, bool>)
        return type::boolean;
    else if constexpr (std::is_same_v<T, float>)
        return type::float32;
    else if constexpr (std::is_same_v<T, double>)
        return type::float64;
    else if constexpr (std::is_integral_v<T> && (sizeof(T) < 4 || (sizeof(T) == 4 && std::is_signed_v<T>)))
        return type::int32;
    else if constexpr (std::is_integral_v<T> && (sizeof(T) < 8 || std::is_signed_v<T>))
        return type::int64;
    else if constexpr (std::is_same_v<T, date>)
        return type::date32;
    else if constexpr (std::is_same_v<T, timestamp>)
        return type::timestamp;
    else if constexpr (is_text<T>)
        return type::utf8;
    else
        static_assert(unknown_type<T>,
                      "no column type for this C++ type: use bool, an integer of at most 63 bits, float, double, a "
                      "string, aip::date or aip::timestamp, or std::optional of one of them");
}

/// What a value of that type is stored as.
template <class T> struct stored {
    using type = std::conditional_t<type_for<T>() == aip::type::int32, std::int32_t,
                                    std::conditional_t<type_for<T>() == aip::type::int64, std::int64_t, T>>;
};
template <> struct stored<date> { using type = std::int32_t; };
template <> struct stored<timestamp> { using type = std::int64_t; };
template <class T> constexpr auto to_stored(const T &value) noexcept {
    if constexpr (std::is_same_v<T, date>)
        return value.days;
    else if constexpr (std::is_same_v<T, timestamp>)
        return value.microseconds;
    else
        return static_cast<typename stored<T>::type>(value);
}

inline aip_field c_field(const field &f) noexcept {
    aip_field c = AIP_FIELD_INIT;
    c.type = static_cast<std::int32_t>(f.type);
    c.name = f.name.c_str();
    c.zone = f.zone.empty() ? nullptr : f.zone.c_str();
    c.scale = f.scale;
    c.nullable = f.nullable ? 1 : 0;
    return c;
}
inline field of_c(const aip_field &c) {
    return field{c.name, static_cast<type>(c.type), c.nullable != 0, c.zone ? std::string(c.zone) : std::string(), c.scale};
}

} // namespace detail

/// The fields of a table, immutable. Made by context::schema(), or asked of a dataset or batch.
class schema : public detail::handle<aip_schema, aip_schema_retain, aip_schema_free> {
  public:
    using handle::handle;
    /// Number of fields.
    int size() const noexcept { return get() ? aip_schema_n_fields(get()) : 0; }
    /// Field i. AIP_E_MISUSE out of range.
    field operator[](int i) const {
        const aip_field *f = get() ? aip_schema_field(get(), i) : nullptr;
        if (!f) throw error(AIP_E_MISUSE, "field " + std::to_string(i) + " of a schema of " + std::to_string(size()));
        return detail::of_c(*f);
    }
    /// Index of a field, or -1.
    int find(const std::string &name) const noexcept { return get() ? aip_schema_find(get(), name.c_str()) : -1; }
    /// All of them.
    std::vector<field> fields() const {
        std::vector<field> all;
        for (int i = 0; i < size(); i++) all.push_back((*this)[i]);
        return all;
    }
};

namespace detail {
inline schema make_schema(const host_ptr &h, const std::vector<field> &fields) {
    std::vector<aip_field> c;
    for (const field &f : fields) c.push_back(c_field(f));
    aip_schema *made = nullptr;
    aip_error *err = nullptr;
    const std::int32_t status =
        aip_schema_create(h ? h->ctx : nullptr, c.data(), static_cast<std::int32_t>(c.size()), &made, &err);
    check(status, err, h);
    return schema(made, h);
}
inline schema borrowed_schema(const aip_schema *s, const host_ptr &h) {
    return retained<schema>(const_cast<aip_schema *>(s), aip_schema_retain, h); // only its count changes
}
} // namespace detail

} // namespace v1
} // namespace aip

#endif
