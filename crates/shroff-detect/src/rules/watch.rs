//! What a rule's conditions were on the payments of a history: which of them was never true.

use super::{Asked, BoundRule, RuleRow, Source, grouped, kind_name, schema, written};
use crate::Definitions;
use crate::sql::{Expression, Value};
use crate::typology::{RuleError, Typology};

/// A rule on watch over payments: whether each condition that its `AND` joins is ever true, and
/// between what the values lie that are compared.
#[derive(Debug)]
pub struct Watch {
    case: usize,
    block: Option<usize>,
    columns: Vec<Source>,
    conditions: Vec<Watched>,
    payments: u64,
}

#[derive(Debug)]
struct Watched {
    /// Where it stands in the file.
    at: (usize, usize),
    text: String,
    condition: Expression,
    is_ever_true: bool,
    compared: Vec<Compared>,
}

/// A number that a condition compares.
#[derive(Debug)]
struct Compared {
    text: String,
    value: Expression,
    /// Least and greatest, once it was a number.
    seen: Option<(f64, f64)>,
}

impl Watch {
    /// Puts a rule of a typology on watch.
    ///
    /// # Panics
    /// Where the rule is not of this typology, or was bound to other definitions.
    pub fn new(rule: &BoundRule, typology: &Typology, definitions: &Definitions) -> Watch {
        let (schema, columns) = schema(definitions, &definitions.columns(), rule.block, typology);
        let when = &typology.cases[rule.case].when;
        let compiled = "a part of what was compiled compiles";
        let compared = |text: String| {
            let value = Expression::compile(&text, &schema).expect(compiled);
            // A number that is the same for every payment is the threshold itself.
            (!value.columns().is_empty()).then_some(Compared { text, value, seen: None })
        };
        let conditions = Expression::conjuncts(&when.text).expect(compiled).into_iter();
        let conditions = conditions.map(|conjunct| Watched {
            at: when.at(conjunct.place),
            condition: Expression::compile_condition(&conjunct.text, &schema).expect(compiled),
            text: conjunct.text,
            is_ever_true: false,
            compared: conjunct.compared.into_iter().filter_map(compared).collect(),
        });
        let conditions = conditions.collect();
        Watch { case: rule.case, block: rule.block, columns, conditions, payments: 0 }
    }

    /// Looks at a payment.
    pub fn see(&mut self, asked: Asked<'_>) {
        self.payments += 1;
        let row = RuleRow { sources: &self.columns, asked: &asked };
        for watched in self.conditions.iter_mut().filter(|watched| !watched.is_ever_true) {
            watched.is_ever_true = watched.condition.is_true(&row);
            for compared in &mut watched.compared {
                if let Some(real) = compared.value.evaluate(&row).as_real() {
                    let (low, high) = compared.seen.unwrap_or((real, real));
                    compared.seen = Some((low.min(real), high.max(real)));
                }
            }
        }
    }

    /// The conditions that were true at no payment, each with what its values were.
    pub fn never_true(&self, typology: &Typology, definitions: &Definitions) -> Vec<RuleError> {
        let never = self.conditions.iter().filter(|watched| !watched.is_ever_true);
        never.map(|watched| self.told(watched, typology, definitions)).collect()
    }

    fn told(&self, watched: &Watched, typology: &Typology, definitions: &Definitions) -> RuleError {
        let place = format!("`when` of case {}", self.case + 1);
        let mut what = format!(
            "`{}` is true at none of the {} payments looked at",
            watched.text,
            grouped(&self.payments.to_string())
        );
        for Compared { text, seen, .. } in &watched.compared {
            what.extend(["; `", text]);
            match seen {
                Some((low, high)) => {
                    let [low, high] = [low, high].map(|real| written(&Value::Real(*real)));
                    what.extend(["` lies between ", &low, " and ", &high]);
                }
                None => what.push_str("` is no number at any of them"),
            }
        }
        let hint = "the rule cannot fire on such payments: is the threshold what was meant?";
        let hint = match self.block.map(|number| &definitions.blocks[number]) {
            Some(block) => format!(
                "asked of the block `{}` with window {}; {hint}",
                kind_name(&block.kind),
                block.window_text
            ),
            None => hint.to_owned(),
        };
        typology.error(watched.at, &place, what, &hint)
    }
}
