//! Operators, equality and the unification of types.

use super::super::value::{Value, Why, WhyKind, unknown_keys};
use super::convert::{self, invalid, limit, to_bool, to_number};
use super::{Context, number};
use hcl_edit::expr::{BinaryOp, BinaryOperator, Expression, UnaryOp, UnaryOperator};
use std::cmp::Ordering;

pub fn unary(context: &Context, op: &UnaryOp) -> Result<Value, Why> {
    let value = context.eval(&op.expr);
    match op.operator.value() {
        UnaryOperator::Not => Ok(Value::Bool(!to_bool(&value)?)),
        UnaryOperator::Neg => {
            let number = number::negate(to_number(&value)?).ok_or_else(|| limit("a number"))?;
            Ok(Value::Number(number, None))
        }
    }
}

pub fn binary(context: &Context, op: &BinaryOp) -> Result<Value, Why> {
    use BinaryOperator::{And, Eq, Greater, GreaterEq, Less, LessEq, NotEq, Or};
    let operator = *op.operator.value();
    match operator {
        And => logic(context, op, false),
        Or => logic(context, op, true),
        Eq | NotEq => {
            let (left, right) = (structural(&op.lhs_expr), structural(&op.rhs_expr));
            let same = match equal(
                &context.eval(&op.lhs_expr),
                &context.eval(&op.rhs_expr),
                left == right && left.is_some(),
            ) {
                Err(why) if why == types() && left.is_some() && right.is_some() => false,
                other => other?,
            };
            Ok(Value::Bool(same == (operator == Eq)))
        }
        Less | LessEq | Greater | GreaterEq => {
            let (left, right) = operands(context, op)?;
            let ordering =
                number::compare(left, right).ok_or_else(|| limit("a comparison this close"))?;
            Ok(Value::Bool(match operator {
                Less => ordering == Ordering::Less,
                LessEq => ordering != Ordering::Greater,
                Greater => ordering == Ordering::Greater,
                _ => ordering != Ordering::Less,
            }))
        }
        _ => arithmetic(context, op, operator),
    }
}

fn operands(context: &Context, op: &BinaryOp) -> Result<(super::Number, super::Number), Why> {
    Ok((
        to_number(&context.eval(&op.lhs_expr))?,
        to_number(&context.eval(&op.rhs_expr))?,
    ))
}

fn arithmetic(context: &Context, op: &BinaryOp, operator: BinaryOperator) -> Result<Value, Why> {
    let (left, right) = operands(context, op)?;
    let divides = matches!(operator, BinaryOperator::Div | BinaryOperator::Mod);
    if divides && number::float(right) == 0.0 {
        return infinite(left, operator);
    }
    let result = match operator {
        BinaryOperator::Plus => number::add(left, right),
        BinaryOperator::Minus => number::subtract(left, right),
        BinaryOperator::Mul => number::multiply(left, right),
        BinaryOperator::Div => number::divide(left, right),
        _ => number::remainder(left, right),
    };
    Ok(Value::Number(
        result.ok_or_else(|| limit("a number of more than 15 digits"))?,
        None,
    ))
}

/// A division by zero is infinite, which prints nowhere, and leaves all as the remainder; zero by
/// zero is an error.
fn infinite(left: super::Number, operator: BinaryOperator) -> Result<Value, Why> {
    if number::float(left) == 0.0 {
        return Err(invalid("a division of zero by zero"));
    }
    if operator == BinaryOperator::Mod {
        return Ok(Value::Number(left, None));
    }
    Ok(Value::Number(
        super::Number::Float(f64::INFINITY.copysign(number::float(left))),
        None,
    ))
}

/// `&&` ends at a false operand, `||` at a true one, even beside an operand that is not known.
fn logic(context: &Context, op: &BinaryOp, end: bool) -> Result<Value, Why> {
    let left = to_bool(&context.eval(&op.lhs_expr));
    if left == Ok(end) {
        return Ok(Value::Bool(end));
    }
    if let Err(why) = &left
        && why.kind == WhyKind::Invalid
    {
        return Err(why.clone());
    }
    let right = to_bool(&context.eval(&op.rhs_expr));
    match (left, right) {
        (_, Ok(right)) if right == end => Ok(Value::Bool(end)),
        (Ok(_), Ok(_)) => Ok(Value::Bool(!end)),
        (Err(why), _) | (_, Err(why)) => Err(why),
    }
}

/// Says whether a collection is certainly a tuple or object, whose type is that of its elements, or
/// certainly a list, set or map.
fn structural(expr: &Expression) -> Option<bool> {
    match expr {
        Expression::Parenthesis(inner) => structural(inner.inner()),
        Expression::Array(_) | Expression::Object(_) => Some(true),
        Expression::FuncCall(call) => matches!(
            call.name.name.as_str(),
            "tolist" | "tomap" | "toset" | "split"
        )
        .then_some(false),
        _ => None,
    }
}

/// Why two collections of the same content may be equal or not.
fn types() -> Why {
    limit("whether a list and a tuple, or a map and an object, are of one type")
}

/// Says whether two values are equal to Terraform. Lists and tuples of the same content are not
/// (their types differ), and are not told apart here: such a pair is an error unless `same_types`.
pub fn equal(a: &Value, b: &Value, same_types: bool) -> Result<bool, Why> {
    match (a, b) {
        (Value::Unknown(why), _) | (_, Value::Unknown(why)) => Err(why.clone()),
        (Value::List(items), _) | (_, Value::List(items))
            if items.iter().any(Value::is_elements) =>
        {
            let unknown = items.iter().find(|item| item.is_elements());
            Err(unknown
                .and_then(Value::why_unknown)
                .cloned()
                .unwrap_or_else(types))
        }
        (Value::Map(entries), _) | (_, Value::Map(entries)) if unknown_keys(entries).is_some() => {
            Err(unknown_keys(entries).unwrap_or_else(types))
        }
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Number(a, _), Value::Number(b, _)) => match number::compare(*a, *b) {
            Some(ordering) => Ok(ordering == Ordering::Equal),
            None => Err(limit("a comparison this close")),
        },
        (Value::Text(a), Value::Text(b)) => Ok(convert::known(a)? == convert::known(b)?),
        (Value::List(a), Value::List(b)) => {
            all_equal(a.iter().zip(b.iter()), a.len() == b.len(), same_types)
        }
        (Value::Set(a), Value::Set(b)) => {
            all_equal(a.iter().zip(b.iter()), a.len() == b.len(), true)
        }
        (Value::Map(a), Value::Map(b)) => {
            let same_keys = a.len() == b.len() && a.keys().eq(b.keys());
            all_equal(a.values().zip(b.values()), same_keys, same_types)
        }
        _ => Ok(false),
    }
}

fn all_equal<'v>(
    pairs: impl Iterator<Item = (&'v Value, &'v Value)>,
    same_shape: bool,
    same_types: bool,
) -> Result<bool, Why> {
    if !same_shape {
        return Ok(false);
    }
    let mut unknown = None;
    for (a, b) in pairs {
        match equal(a, b, same_types) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(why) => unknown = Some(why),
        }
    }
    match unknown {
        Some(why) => Err(why),
        None if same_types => Ok(true),
        None => Err(types()),
    }
}

/// Orders two values of one kind, as sets and `sort` do.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Number(a, _), Value::Number(b, _)) => number::compare(*a, *b),
        (Value::Text(a), Value::Text(b)) => Some(a.known()?.cmp(&b.known()?)),
        _ => None,
    }
}
