//! Which past payments a block speaks of: the SQL predicate of its `where`.

use std::borrow::Cow;

use shroff_types::{Currency, Decimal, Names};

use crate::extractor::Input;
use crate::sql::{Expression, Row, Schema, SqlError, Type, Value};

/// Compiles a `where`: a condition over the past payment's `amount`, `currency` and `method`.
///
/// # Errors
/// Where it is no such condition.
pub(crate) fn compile(text: &str) -> Result<Expression, SqlError> {
    let columns = [("amount", Type::Decimal), ("currency", Type::Text), ("method", Type::Text)];
    let schema = Schema::new(columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec());
    Expression::compile_condition(text, &schema)
}

/// A payment as a `where` sees it.
pub(crate) struct PaymentRow<'a> {
    pub(crate) input: &'a Input,
    pub(crate) exponent: u8,
    pub(crate) symbols: &'a Names,
}

impl Row for PaymentRow<'_> {
    fn get(&self, column: usize) -> Value<'_> {
        let text = |text| Value::Text(Cow::Borrowed(text));
        match column {
            0 => Value::Decimal(Decimal { digits: self.input.minor, decimals: self.exponent }),
            1 if self.input.currency == Currency::NONE => Value::Null,
            1 => text(self.input.currency.code()),
            _ => self.input.method.map_or(Value::Null, |method| text(self.symbols.text(method.0))),
        }
    }
}
