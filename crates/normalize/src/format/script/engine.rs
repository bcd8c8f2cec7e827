//! The engine of one decoder: what scripts may do, and no more.

use rhai::packages::{ArithmeticPackage, BasicMathPackage, LogicPackage, Package};
use rhai::{Engine, OptimizationLevel};

use super::{Limits, budget, library};

/// Words of the language that a decoder has no use for: running text as a program, functions as values (which could carry
/// large values past the charge), and printing.
const FORBIDDEN: [&str; 9] = [
    "eval", "Fn", "call", "curry", "this", "print", "debug", "import", "export",
];

pub(super) fn build(limits: Limits) -> Engine {
    let mut engine = Engine::new_raw();
    // Constant lists would else be copied without a step.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_operations(limits.operations);
    engine.set_max_call_levels(limits.call_depth);
    engine.set_max_expr_depths(48, 32);
    engine.set_max_functions(64);
    engine.set_max_variables(256);
    engine.set_max_string_size(limits.string_bytes);
    engine.set_max_array_size(limits.array_items);
    engine.set_max_map_size(limits.map_items);
    engine.set_max_strings_interned(0);
    engine.set_allow_anonymous_fn(false);
    engine.set_strict_variables(true);
    for word in FORBIDDEN {
        engine.disable_symbol(word);
    }
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    library::register(&mut engine);
    charge_variables(&mut engine);
    engine
}

#[expect(
    deprecated,
    reason = "marked so because it may change, not because it goes; the version is pinned by the lock file"
)]
fn charge_variables(engine: &mut Engine) {
    engine.on_var(|name, _, context| {
        // The last of that name is the one that is meant.
        match context.scope().get(name).map(budget::weight) {
            Some(units) if units > 0 => budget::charge(units).map(|()| None),
            _ => Ok(None),
        }
    });
}
