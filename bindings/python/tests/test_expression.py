"""Expression objects print to the expression language: the same value as Python's own, and quoting that any name and text
passes."""

import datetime as dt
import decimal
import math
import os
import random
import re
import unittest

from support import ap

from aipipe import _expression, col, expr, function, lit, when


def value(expression, **columns):
    """What the library makes of an expression over one row."""
    table = ap.dataset({"_": [0], **{name: [v] for name, v in columns.items()}})
    return table.derive(result=expression).select(["result"]).to_dict()["result"][0]


class Text(unittest.TestCase):
    def test_parts_are_in_parentheses_where_they_must_be(self):
        a, b, c = col("a"), col("b"), col("c")
        for expression, text in [
            (a + b * c, "a + b * c"),
            ((a + b) * c, "(a + b) * c"),
            (a - (b - c), "a - (b - c)"),
            (a - b - c, "a - b - c"),
            (a / (b / c), "a / (b / c)"),
            ((a > 1) & (b <= 2) | ~(c == "x"), "a > 1 and b <= 2 or not c = 'x'"),
            ((a | b) & c, "(a or b) and c"),
            (~(a | b), "not (a or b)"),
            (-a, "-a"),
            (-(a + b), "-(a + b)"),
            (2 - a, "2 - a"),
            (a - -1, "a - -1"),
            (a.is_null() & b.is_not_null(), "a is null and b is not null"),
            ((a + 1).is_in([1, "x", None]), "a + 1 in (1, 'x', null)"),
            (a.between(b - 1, 5), "a between b - 1 and 5"),
            (a**2, "pow(a, 2)"),
            (a // 2, "floor(a / 2)"),
            (a.hour("Asia/Tokyo"), "hour(a, 'Asia/Tokyo')"),
            (when(a > 1, "x", b), "if(a > 1, 'x', b)"),
            (expr("a or b") & c, "(a or b) and c"),
            (lit(1) / a, "1 / a"),
            (a.cast("int64", errors="null"), "try_cast(a as int64)"),
            (a == lit(None), "a = null"),
        ]:
            self.assertEqual(str(expression), text)

    def test_an_expression_has_no_truth_value(self):
        with self.assertRaisesRegex(TypeError, "write & for and"):
            bool(col("a") > 1)
        with self.assertRaises(TypeError):
            1 < col("a") < 3  # noqa: B015

    def test_what_cannot_be_a_value_is_refused(self):
        for wrong in ([], {}, object(), b"x"):
            with self.assertRaises(TypeError):
                col("a") == wrong  # noqa: B015
        with self.assertRaises(ValueError):
            col("a").is_in([])
        with self.assertRaises(ValueError):
            function("f(1); g", 1)
        with self.assertRaises(ValueError):
            col("a").cast("int64) or (true")

    def test_the_functions_are_those_of_the_manual(self):
        manual = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs", "expressions.md")
        with open(manual, encoding="utf-8") as stream:
            rows = [line.split("`")[1] for line in stream if line.startswith("| `")]
        names = {name for row in rows for name in re.findall(r"(\w+)\(", row)} - {"in", "cast", "type", "try_cast"}
        self.assertEqual(set(_expression.FUNCTIONS), names)
        with self.assertRaisesRegex(AttributeError, "no function 'sqroot'"):
            col("a").sqroot()


class Values(unittest.TestCase):
    def test_any_name_is_a_column(self):
        for name in [
            "a",
            "A b",
            'q"uote',
            "and",
            "Null",
            "true",
            "year",
            "a.b",
            "1a",
            "ä",
            "a-b",
            "'",
            "a.",
            "case",
            "x\\y",
            "end",
        ]:
            self.assertEqual(value(col(name) + 1, **{name: 41}), 42, name)

    def test_any_text_passes(self):
        for text in ["", "it's", 'a "b"', "\\n", "line\nfeed", "é€😀", "''", "null"]:
            self.assertEqual(value(lit(text)), text)
            self.assertIs(value(col("a") == text, a=text), True, text)

    def test_constants_are_what_they_were(self):
        for constant in [0, -5, 2**63 - 1, -(2**63) + 1, 1.5, -1e-300, 1e300, 0.1, True, False, dt.date(2020, 2, 29)]:
            self.assertEqual(value(lit(constant)), constant, constant)
        for constant in [math.inf, -math.inf]:
            self.assertEqual(value(lit(constant)), constant)
        self.assertTrue(math.isnan(value(lit(math.nan))))
        self.assertEqual(value(lit(decimal.Decimal("1E+3"))), 1000)
        moment = dt.datetime(2020, 1, 2, 3, 4, 5, 678901)
        self.assertEqual(value(lit(moment)), moment)
        instant = moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=2)))
        self.assertEqual(value(lit(instant)), instant)
        self.assertIs(value(col("t") == instant, t=instant), True)

    def test_random_arithmetic_is_pythons(self):
        """Trees of + - * over whole numbers, each computed by Python too."""
        random.seed(7)
        names = {"a": 3, "b": -4, "c": 10}

        def tree(depth):
            if depth == 0 or random.random() < 0.2:
                if random.random() < 0.5:
                    name = random.choice(list(names))
                    return col(name), names[name]
                n = random.randint(-9, 9)
                return lit(n), n
            (x, p), (y, q) = tree(depth - 1), tree(depth - 1)
            kind = random.randrange(6)
            if kind == 0:
                return x + y, p + q
            if kind == 1:
                return x - y, p - q
            if kind == 2:
                return x * y, p * q
            if kind == 3:
                return -x, -p
            if kind == 4:
                return when((x < y) & ~(x == 0), x, y), (p if p < q and p != 0 else q)
            return function("abs", x), abs(p)

        made = [tree(4) for _ in range(300)]
        table = ap.dataset({name: [v] for name, v in names.items()})
        results = table.derive(**{f"r{i}": e + 0 for i, (e, _) in enumerate(made)}).to_records()[0]
        for i, (e, expected) in enumerate(made):
            self.assertEqual(results[f"r{i}"], expected, str(e))

    def test_random_logic_is_pythons(self):
        random.seed(8)
        names = {"a": True, "b": False}

        def tree(depth):
            if depth == 0:
                name = random.choice(list(names))
                return col(name), names[name]
            (x, p), (y, q) = tree(depth - 1), tree(depth - 1)
            return random.choice([(x & y, p and q), (x | y, p or q), (~x, not p), (x == y, p == q), (x != y, p != q)])

        table = ap.dataset({name: [v] for name, v in names.items()})
        made = [tree(4) for _ in range(200)]
        results = table.derive(**{f"r{i}": e for i, (e, _) in enumerate(made)}).to_records()[0]
        for i, (e, expected) in enumerate(made):
            self.assertIs(results[f"r{i}"], expected, str(e))

    def test_it_stands_wherever_its_text_does(self):
        table = ap.dataset({"a": [1, 2, 3]})
        self.assertEqual(table.filter(col("a") >= 2).to_dict(), table.filter("a >= 2").to_dict())


if __name__ == "__main__":
    unittest.main()
