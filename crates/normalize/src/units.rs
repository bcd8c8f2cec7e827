//! Conversions between any two UCUM units, as one multiplication and one addition.

use crate::catalogue::Conversion;

/// Longest code that is looked at: codes come from the wire too.
const CODE_BYTES_MAX: usize = 64;

/// `None` where the units measure different things, where one is no UCUM unit, and where the way is no straight line (pH, dB).
pub(crate) fn between(from: &str, to: &str) -> Option<Conversion> {
    if from == to {
        return Some(Conversion::NONE);
    }
    if from.len() > CODE_BYTES_MAX || to.len() > CODE_BYTES_MAX {
        return None;
    }
    let at = |value: f64| {
        ucum::convert(value, from, to)
            .ok()
            .filter(|value| value.is_finite())
    };
    let (zero, one, thousand) = (at(0.0)?, at(1.0)?, at(1_000.0)?);
    let factor = if zero == 0.0 {
        one
    } else {
        (thousand - zero) / 1_000.0
    };
    let straight = (zero + 1_000.0 * factor - thousand).abs() <= 1e-9 * thousand.abs().max(1.0)
        && (zero + factor - one).abs() <= 1e-9 * one.abs().max(1.0);
    (straight && factor != 0.0).then_some(Conversion {
        factor,
        offset: zero,
    })
}

/// µg/m³ of one ppb of a gas of that molar mass (g/mol) at 25 °C and 1 atm: M / 24.45.
pub(crate) fn gas(molar_mass: f64) -> Conversion {
    Conversion {
        factor: molar_mass / MOLAR_VOLUME,
        offset: 0.0,
    }
}

/// Litres of a mole of an ideal gas at 25 °C and 1 atm.
const MOLAR_VOLUME: f64 = 24.45;
const STANDARD_KELVIN: f64 = 298.15;
const STANDARD_HPA: f64 = 1_013.25;

/// What a concentration at 25 °C and 1 atm has to be multiplied with at the temperature (°C) and pressure (hPa) of the air.
pub(crate) fn at_conditions(celsius: f64, hectopascal: Option<f64>) -> f64 {
    STANDARD_KELVIN / (celsius + 273.15)
        * hectopascal.map_or(1.0, |pressure| pressure / STANDARD_HPA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_lines_are_found() {
        for (from, to, value, wanted) in [
            ("cm", "m", 250.0, 2.5),
            ("[degF]", "Cel", 212.0, 100.0),
            ("K", "Cel", 273.15, 0.0),
            ("km/h", "m/s", 36.0, 10.0),
            ("mg/m3", "ug/m3", 1.5, 1_500.0),
            ("kW.h", "J", 1.0, 3.6e6),
            ("mbar", "hPa", 1_013.0, 1_013.0),
            ("[psi]", "kPa", 1.0, 6.894_757_293_168),
            ("[ft_i]", "m", 10.0, 3.048),
            ("L/s", "m3/s", 250.0, 0.25),
            ("%", "1", 85.0, 0.85),
        ] {
            let conversion = between(from, to).expect(from);
            let got = conversion.apply(value);
            assert!(
                (got - wanted).abs() < 1e-9 * wanted.abs().max(1.0),
                "{from} {to}: {got}"
            );
        }
        for (from, to) in [
            ("m", "s"),
            ("[ppb]", "ug/m3"),
            ("furlong", "m"),
            ("", "m"),
            ("[pH]", "1"),
        ] {
            assert_eq!(between(from, to), None, "{from} {to}");
        }
    }

    #[test]
    fn gases_as_the_reference_has_them() {
        for (mass, wanted) in [
            (47.998, 1.963),
            (46.005, 1.882),
            (64.066, 2.620),
            (28.010, 1.146),
        ] {
            assert!((gas(mass).factor - wanted).abs() < 0.001);
        }
        assert!((at_conditions(25.0, None) - 1.0).abs() < 1e-12);
        assert!((at_conditions(0.0, Some(1_013.25)) - 1.091_524).abs() < 1e-5);
    }
}
