// aipipe/cpp/batch.hpp: columns as typed views (aip::column), columns of the host's data (aip::column_data), and batches.
#ifndef AIPIPE_CPP_BATCH_HPP
#define AIPIPE_CPP_BATCH_HPP

#include <aipipe/cpp/schema.hpp>

#include <cmath>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <tuple>

namespace aip {
inline namespace v1 {

namespace detail {
using batch_handle = handle<aip_batch, aip_batch_retain, aip_batch_free>;
inline bool bit(const void *bits, std::int64_t i) noexcept {
    return (static_cast<const std::uint8_t *>(bits)[i / 8] >> (i % 8) & 1) != 0;
}
template <class C, class = void> struct has_data : std::false_type {};
template <class C> struct has_data<C, std::void_t<decltype(std::data(std::declval<const C &>()))>> : std::true_type {};
/// Whether a column of this type can be seen as T: as it is, or where nothing is lost but an int64's digits beyond the 53rd bit in a double.
template <class T> constexpr bool seen_as(type t) noexcept {
    if constexpr (std::is_same_v<T, std::string_view>)
        return t == type::utf8 || t == type::dictionary || t == type::binary;
    else if constexpr (std::is_same_v<T, double>)
        return t == type::float64 || t == type::float32 || t == type::int32 || t == type::int64 || t == type::decimal64;
    else if constexpr (std::is_same_v<T, std::int64_t>)
        return t == type::int64 || t == type::int32;
    else
        return t == type_for<T>();
}
} // namespace detail

/// A column of a batch, seen as T: double (any number), std::int64_t (any integer), std::int32_t, float, bool, std::string_view (utf8,
/// dictionary or binary), aip::date or aip::timestamp. Keeps its batch alive. immutable
template <class T> class column {
  public:
    /// Column i of a batch; batch::column() is the usual way here. AIP_E_SCHEMA when it cannot be seen as T.
    column(detail::batch_handle batch, int i) : batch_(std::move(batch)) {
        view_ = AIP_COLUMN_VIEW_INIT;
        aip_error *err = nullptr;
        const std::int32_t status = aip_batch_column(batch_.get(), i, &view_, &err);
        detail::check(status, err, batch_.owner());
        const aip_field *f = aip_schema_field(aip_batch_schema(batch_.get()), i);
        if (!detail::seen_as<T>(column_type()))
            throw error(AIP_E_SCHEMA, "column '" + std::string(f->name) + "' is " + aip_type_name(view_.type)
                                          + ": it cannot be read as " + std::string(wanted()));
        for (std::int32_t k = 0; k < f->scale; k++) unit_ *= 10;
    }

    /// Number of rows.
    std::int64_t size() const noexcept { return view_.length; }
    /// Number of rows that are missing.
    std::int64_t null_count() const noexcept { return view_.null_count; }
    /// Whether row i holds a value.
    bool valid(std::int64_t i) const noexcept { return !view_.validity || detail::bit(view_.validity, i); }
    /// Row i, or nothing when it is missing. i is not checked.
    std::optional<T> operator[](std::int64_t i) const noexcept {
        if (!valid(i)) return std::nullopt;
        return value(i);
    }
    /// Row i, whether it is valid or not: a missing one is 0, false or "". Texts live as long as the batch.
    T value(std::int64_t i) const noexcept {
        if constexpr (std::is_same_v<T, std::string_view>) {
            if (view_.type == AIP_DICTIONARY) {
                if (view_.dictionary_length == 0) return {}; // every row is missing
                const std::int32_t code = static_cast<const std::int32_t *>(view_.values)[i];
                return text(view_.dictionary_bytes, view_.dictionary_offsets, code);
            }
            return text(static_cast<const char *>(view_.values), view_.offsets, i);
        } else if constexpr (std::is_same_v<T, bool>) {
            return detail::bit(view_.values, i);
        } else if constexpr (std::is_same_v<T, date>) {
            return date{static_cast<const std::int32_t *>(view_.values)[i]};
        } else if constexpr (std::is_same_v<T, timestamp>) {
            return timestamp{static_cast<const std::int64_t *>(view_.values)[i]};
        } else if (column_type() == detail::type_for<T>()) {
            return static_cast<const T *>(view_.values)[i];
        } else {
            return widened(i);
        }
    }
    /// The values in a row, when the column's own type is T (then missing ones are 0); else NULL: use value().
    const T *data() const noexcept {
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
            return column_type() == detail::type_for<T>() ? static_cast<const T *>(view_.values) : nullptr;
        else
            return nullptr;
    }
    /// The column's own type.
    type column_type() const noexcept { return static_cast<type>(view_.type); }
    /// The C view: Arrow's buffers.
    const aip_column_view &view() const noexcept { return view_; }

    /// Over std::optional<T>, in order.
    class iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = std::optional<T>;
        using difference_type = std::int64_t;
        using pointer = void;
        using reference = std::optional<T>;
        iterator(const column *of, std::int64_t at) noexcept : of_(of), at_(at) {}
        std::optional<T> operator*() const noexcept { return (*of_)[at_]; }
        iterator &operator++() noexcept {
            ++at_;
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator before = *this;
            ++at_;
            return before;
        }
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.at_ == b.at_; }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return a.at_ != b.at_; }

      private:
        const column *of_;
        std::int64_t at_;
    };
    /// The first row.
    iterator begin() const noexcept { return iterator(this, 0); }
    /// Behind the last row.
    iterator end() const noexcept { return iterator(this, size()); }

  private:
    static std::string_view wanted() noexcept {
        if constexpr (std::is_same_v<T, std::string_view>)
            return "text";
        else
            return name_of(detail::type_for<T>());
    }
    static std::string_view text(const char *bytes, const std::int32_t *offsets, std::int64_t i) noexcept {
        return std::string_view(bytes + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
    }
    T widened(std::int64_t i) const noexcept {
        if constexpr (std::is_same_v<T, double>) {
            switch (column_type()) {
            case type::int32: return static_cast<const std::int32_t *>(view_.values)[i];
            case type::float32: return static_cast<double>(static_cast<const float *>(view_.values)[i]);
            default: return static_cast<double>(static_cast<const std::int64_t *>(view_.values)[i]) / unit_;
            }
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
            return static_cast<const std::int32_t *>(view_.values)[i];
        } else {
            return T();
        }
    }
    detail::batch_handle batch_;
    aip_column_view view_{};
    double unit_ = 1; // of a decimal: 10 to the scale
};

/// A column of the host's own data, by name: from any container of bool, integers, float, double, texts, aip::date, aip::timestamp, or
/// std::optional of these. Numbers that lie in a row are not copied here, so the container must outlive the call that takes the column.
class column_data {
  public:
    /// Values of a container. A NULL `const char *` is missing; a NaN stays a NaN.
    template <class C> column_data(std::string name, const C &container) {
        using T = std::remove_cv_t<std::remove_reference_t<decltype(*std::begin(container))>>;
        using element = std::conditional_t<std::is_same_v<C, std::vector<bool>>, bool, T>;
        using value = detail::plain_t<element>;
        start<value>(std::move(name));
        if constexpr (in_a_row<C, element>()) {
            view_.length = static_cast<std::int64_t>(std::size(container));
            view_.values = std::data(container);
        } else {
            builder<value> b;
            for (const auto &one : container) b.add(static_cast<const element &>(one));
            take(std::move(b));
        }
    }

    /// Builds a column value by value.
    template <class T> class builder {
      public:
        using stored = typename detail::stored<T>::type;
        /// Adds a value; a NULL `const char *` and an empty optional are missing.
        void add(const T &value) {
            if constexpr (std::is_pointer_v<T>) {
                if (!value) return add_missing();
            }
            if constexpr (detail::type_for<T>() == type::utf8) {
                const std::string_view text(value);
                if (text.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) - bytes_.size())
                    throw error(AIP_E_DATA, "a column's texts are longer than 2^31 - 1 bytes together");
                bytes_.insert(bytes_.end(), text.begin(), text.end());
                offsets_.push_back(static_cast<std::int32_t>(bytes_.size()));
            } else if constexpr (std::is_same_v<T, bool>) {
                if (n_ % 8 == 0) bytes_.push_back(0);
                if (value) bytes_.back() = static_cast<char>(bytes_.back() | (1 << n_ % 8));
            } else {
                values_.push_back(detail::to_stored(value));
            }
            mark(true);
        }
        void add(const std::optional<T> &value) { value ? add(*value) : add_missing(); }
        /// Adds a missing value.
        void add_missing() {
            if constexpr (detail::type_for<T>() == type::utf8)
                offsets_.push_back(static_cast<std::int32_t>(bytes_.size()));
            else if constexpr (std::is_same_v<T, bool>) {
                if (n_ % 8 == 0) bytes_.push_back(0);
            } else {
                values_.push_back(stored());
            }
            mark(false);
        }

      private:
        friend class column_data;
        void mark(bool valid) {
            if (n_ % 8 == 0) validity_.push_back(0);
            if (valid)
                validity_.back() = static_cast<std::uint8_t>(validity_.back() | (1 << n_ % 8));
            else
                nulls_++;
            n_++;
        }
        std::int64_t n_ = 0, nulls_ = 0;
        std::vector<std::uint8_t> validity_;
        std::vector<std::int32_t> offsets_{0};
        std::vector<char> bytes_;
        std::vector<std::conditional_t<std::is_trivial_v<stored> && !std::is_same_v<stored, bool>, stored, char>> values_;
    };
    /// A column that was built.
    template <class T> static column_data built(std::string name, builder<T> &&values) {
        column_data made;
        made.start<T>(std::move(name));
        made.take(std::move(values));
        return made;
    }

    /// Its name and type.
    const aip::field &field() const noexcept { return field_; }
    /// The C view; lives as long as this and the container.
    const aip_column_view &view() const noexcept { return view_; }

  private:
    column_data() = default;
    template <class T> void start(std::string name) {
        field_ = aip::field{std::move(name), detail::type_for<T>()};
        if constexpr (std::is_same_v<T, timestamp>) field_.zone = "UTC";
        view_.type = static_cast<std::int32_t>(field_.type);
    }
    /// Whether the values lie in memory as the library wants them.
    template <class C, class E> static constexpr bool in_a_row() {
        if constexpr (!detail::has_data<C>::value || std::is_same_v<E, bool> || detail::is_optional<E>::value
                      || detail::is_text<E>)
            return false;
        else
            return sizeof(E) == sizeof(typename detail::stored<E>::type);
    }
    template <class T> void take(builder<T> &&b) {
        auto kept = std::make_shared<builder<T>>(std::move(b));
        view_.length = kept->n_;
        view_.null_count = kept->nulls_;
        if (kept->nulls_ > 0) view_.validity = kept->validity_.data();
        if constexpr (detail::type_for<T>() == type::utf8) {
            view_.offsets = kept->offsets_.data();
            view_.values = kept->bytes_.data();
        } else if constexpr (std::is_same_v<T, bool>) {
            view_.values = kept->bytes_.data();
        } else {
            view_.values = kept->values_.data();
        }
        kept_ = std::move(kept);
    }
    aip::field field_{{}, type::boolean};
    aip_column_view view_ = AIP_COLUMN_VIEW_INIT;
    std::shared_ptr<void> kept_;
};

/// Up to 65,536 rows. The rows of a batch never change; derive, set, select and drop put another batch in the place of this handle's, which
/// shares the columns that stay. Copies are cheap. any-thread for distinct handles
class batch : public detail::batch_handle {
  public:
    using handle::handle;
    /// A column's, which keeps it alive.
    batch(detail::batch_handle h) noexcept : detail::batch_handle(std::move(h)) {}

    /// Number of rows.
    std::int64_t size() const noexcept { return aip_batch_n_rows(get()); }
    /// Its schema.
    aip::schema schema() const { return detail::borrowed_schema(aip_batch_schema(get()), owner()); }
    /// A column by name, seen as T (see aip::column). AIP_E_SCHEMA: no such column, or of another type.
    template <class T> aip::column<T> column(std::string_view name) const {
        return aip::column<T>(detail::batch_handle(*this), need(std::string(name)));
    }
    /// A column by position.
    template <class T> aip::column<T> column(int i) const { return aip::column<T>(detail::batch_handle(*this), i); }

    /// Adds (or replaces) a column: f of each row's values; what f gives decides the type (a std::optional may be missing). A row where any
    /// of the values is missing is missing, and f is not called.
    template <class A, class F> batch &derive(std::string_view name, const aip::column<A> &a, F f) {
        return derive_from(name, f, a);
    }
    /// Of two columns.
    template <class A, class B, class F>
    batch &derive(std::string_view name, const aip::column<A> &a, const aip::column<B> &b, F f) {
        return derive_from(name, f, a, b);
    }
    /// Of three columns.
    template <class A, class B, class C, class F>
    batch &derive(std::string_view name, const aip::column<A> &a, const aip::column<B> &b, const aip::column<C> &c, F f) {
        return derive_from(name, f, a, b, c);
    }
    /// Adds (or replaces) a column of the host's data, one value a row.
    batch &set(const column_data &values) {
        std::vector<aip::field> fields = schema().fields();
        std::size_t at = 0;
        while (at < fields.size() && fields[at].name != values.field().name) at++;
        if (at == fields.size()) fields.push_back(values.field());
        fields[at] = values.field();
        std::vector<aip_column_view> views(fields.size(), aip_column_view AIP_COLUMN_VIEW_INIT);
        views[at] = values.view();
        return put(fields, views);
    }
    /// Keeps these columns, in this order.
    batch &select(const std::vector<std::string> &names) {
        const aip::schema now = schema();
        std::vector<aip::field> fields;
        for (const std::string &name : names) fields.push_back(now[need(name)]);
        return put(fields, std::vector<aip_column_view>(fields.size(), aip_column_view AIP_COLUMN_VIEW_INIT));
    }
    /// Leaves a column out.
    batch &drop(const std::string &name) {
        const int out = need(name);
        std::vector<std::string> rest;
        const aip::schema now = schema();
        for (int i = 0; i < now.size(); i++)
            if (i != out) rest.push_back(now[i].name);
        return select(rest);
    }
    /// As Arrow C structs, without a copy; the caller releases them.
    void to_arrow(ArrowSchema *schema_out, ArrowArray *array_out) const {
        call_c([&](aip_error **err) { return aip_batch_to_arrow(get(), schema_out, array_out, err); });
    }

  private:
    int need(const std::string &name) const {
        const aip_schema *s = aip_batch_schema(get());
        const int i = s ? aip_schema_find(s, name.c_str()) : -1;
        if (i >= 0) return i;
        std::string known;
        for (const aip::field &f : schema().fields()) known += (known.empty() ? "" : ", ") + f.name;
        throw error(AIP_E_SCHEMA, "no column '" + name + "' (columns: " + known + ")");
    }
    template <class F, class... Columns> batch &derive_from(std::string_view name, F &f, const Columns &...columns) {
        using result = std::remove_cv_t<std::remove_reference_t<decltype(f(columns.value(0)...))>>;
        using value = detail::plain_t<result>;
        const std::int64_t n = std::get<0>(std::tie(columns...)).size();
        column_data::builder<value> made;
        for (std::int64_t i = 0; i < n; i++) {
            if ((columns.valid(i) && ...))
                made.add(f(columns.value(i)...));
            else
                made.add_missing();
        }
        return set(column_data::built(std::string(name), std::move(made)));
    }
    batch &put(const std::vector<aip::field> &fields, const std::vector<aip_column_view> &views) {
        const aip::schema next = detail::make_schema(owner(), fields);
        aip_batch *made = nullptr;
        call_c([&](aip_error **err) {
            return aip_batch_derive(get(), next.get(), views.data(), static_cast<std::int32_t>(views.size()), &made, err);
        });
        return *this = batch(made, owner());
    }
};

} // namespace v1
} // namespace aip

#endif
