//! Channels of the models, from the makers' public payload tables.

use super::{Modbus, Model, Part};

#[derive(Clone, Copy, Debug)]
pub(super) struct Channel {
    pub(super) id: u8,
    pub(super) kind: u8,
    pub(super) parts: &'static [Part],
}

type Table = [Channel];

const fn channel(id: u8, kind: u8, parts: &'static [Part]) -> Channel {
    Channel { id, kind, parts }
}

pub(super) fn of(model: Model) -> &'static [&'static Table] {
    match model {
        Model::Any => &[&WTS506, &AMBIENCE, &EM410_RDL],
        Model::Wts506 => &[&WTS506],
        Model::Em500Swl => &[&EM500_SWL],
        Model::Em500Udl => &[&EM500_UDL],
        Model::Em310Udl => &[&EM310_UDL],
        Model::Em410Rdl => &[&EM410_RDL],
        Model::Am319 => &[&AMBIENCE],
        Model::Ct3xx => &[&CT3XX],
        Model::Uc300 => &[&UC300],
        Model::Uc50x => &[&UC50X],
        Model::Uc51x => &[&UC51X],
        Model::Uc521 => &[&UC521],
    }
}

const THRESHOLD: &[(u8, &str)] = &[(0, "threshold alarm release"), (1, "threshold alarm")];
const POSITION: &[(u8, &str)] = &[(0, "normal"), (1, "tilt")];
const ON_OFF: &[(u8, &str)] = &[(0, "off"), (1, "on")];
const LEVELS: &[(u8, &str)] = &[(0, "low"), (1, "high")];

/// What the device says of itself; nothing of it is a measurement, but the battery.
pub(super) const COMMON: &Table = &[
    channel(0x01, 0x75, &[Part::U8("battery", 1.0)]),
    channel(0xff, 0x01, &[Part::Skip(1)]),
    channel(0xff, 0x08, &[Part::Skip(6)]),
    channel(0xff, 0x09, &[Part::Skip(2)]),
    channel(0xff, 0x0a, &[Part::Skip(2)]),
    channel(0xff, 0x0b, &[Part::Skip(1)]),
    channel(0xff, 0x0f, &[Part::Skip(1)]),
    channel(0xff, 0x16, &[Part::Skip(8)]),
    channel(0xff, 0xfe, &[Part::Skip(1)]),
    channel(0xff, 0xff, &[Part::Skip(2)]),
];

const WTS506: [Channel; 14] = [
    channel(0x03, 0x67, &[Part::I16("temperature", 10.0)]),
    channel(0x04, 0x68, &[Part::U8("humidity", 2.0)]),
    channel(0x05, 0x84, &[Part::I16("wind_direction", 10.0)]),
    channel(0x06, 0x73, &[Part::U16("pressure", 10.0)]),
    channel(0x07, 0x92, &[Part::U16("wind_speed", 10.0)]),
    channel(
        0x08,
        0x77,
        &[
            Part::U16("rainfall_total", 100.0),
            Part::U8("rainfall_counter", 1.0),
        ],
    ),
    channel(
        0x08,
        0xec,
        &[
            Part::U32("rainfall_total", 100.0),
            Part::U8("rainfall_counter", 1.0),
        ],
    ),
    channel(
        0x83,
        0x67,
        &[
            Part::I16("temperature", 10.0),
            Part::Word("temperature_alarm", THRESHOLD),
        ],
    ),
    channel(
        0x86,
        0x73,
        &[
            Part::U16("pressure", 10.0),
            Part::Word("pressure_alarm", THRESHOLD),
        ],
    ),
    channel(
        0x87,
        0x92,
        &[
            Part::U16("wind_speed", 10.0),
            Part::Word("wind_speed_alarm", THRESHOLD),
        ],
    ),
    channel(
        0x88,
        0xec,
        &[
            Part::U32("rainfall_total", 100.0),
            Part::U8("rainfall_counter", 1.0),
            Part::Word("rainfall_alarm", THRESHOLD),
        ],
    ),
    channel(
        0x88,
        0x77,
        &[
            Part::U16("rainfall_total", 100.0),
            Part::U8("rainfall_counter", 1.0),
            Part::Word("rainfall_alarm", THRESHOLD),
        ],
    ),
    channel(
        0x20,
        0xce,
        &[
            Part::Stamp,
            Part::I16("temperature", 10.0),
            Part::U8("humidity", 2.0),
            Part::U16("pressure", 10.0),
            Part::I16("wind_direction", 10.0),
            Part::U16("wind_speed", 10.0),
            Part::U16("rainfall_total", 100.0),
        ],
    ),
    channel(
        0x21,
        0xce,
        &[
            Part::Stamp,
            Part::I16("temperature", 10.0),
            Part::U8("humidity", 2.0),
            Part::U16("pressure", 10.0),
            Part::I16("wind_direction", 10.0),
            Part::U16("wind_speed", 10.0),
            Part::U32("rainfall_total", 100.0),
        ],
    ),
];

/// The makers' documents call the value `water_level`, later `depth`: centimetres of water above the sensor.
const EM500_SWL: [Channel; 2] = [
    channel(0x03, 0x77, &[Part::U16("depth", 1.0)]),
    channel(0x20, 0xce, &[Part::Stamp, Part::U16("depth", 1.0)]),
];

const EM500_UDL: [Channel; 2] = [
    channel(0x03, 0x82, &[Part::U16("distance", 1.0)]),
    channel(0x20, 0xce, &[Part::Stamp, Part::U16("distance", 1.0)]),
];

const EM310_UDL: [Channel; 2] = [
    channel(0x03, 0x82, &[Part::U16("distance", 1.0)]),
    channel(0x04, 0x00, &[Part::Word("position", POSITION)]),
];

const DISTANCE_ALARM: &[(u8, &str)] = &[
    (0, "threshold alarm release"),
    (1, "threshold alarm"),
    (2, "mutation alarm"),
];

const EM410_RDL: [Channel; 7] = [
    channel(0x03, 0x67, &[Part::I16("temperature", 10.0)]),
    channel(0x04, 0x82, &[Part::I16("distance", 1.0)]),
    channel(0x05, 0x00, &[Part::Word("position", POSITION)]),
    channel(
        0x84,
        0x82,
        &[
            Part::I16("distance", 1.0),
            Part::Word("distance_alarm", DISTANCE_ALARM),
        ],
    ),
    channel(
        0x94,
        0x82,
        &[
            Part::I16("distance", 1.0),
            Part::I16("distance_mutation", 1.0),
            Part::Word("distance_alarm", DISTANCE_ALARM),
        ],
    ),
    channel(
        0xb4,
        0x82,
        &[
            Part::I16("distance", 1.0),
            Part::Word(
                "distance_exception",
                &[
                    (0, "blind alarm release"),
                    (1, "blind alarm"),
                    (2, "no target"),
                    (3, "sensor exception"),
                ],
            ),
        ],
    ),
    channel(
        0x20,
        0xce,
        &[
            Part::Stamp,
            Part::I16("distance", 1.0),
            Part::I16("temperature", 10.0),
            Part::I16("distance_mutation", 1.0),
            Part::Bits(&[
                (0x01, "distance_alarm", "threshold alarm"),
                (0x02, "distance_alarm", "threshold alarm release"),
                (0x04, "distance_exception", "blind alarm"),
                (0x08, "distance_exception", "blind alarm release"),
                (0x10, "distance_alarm", "mutation alarm"),
                (0x20, "position", "tilt"),
            ]),
        ],
    ),
];

const MOTION: &[(u8, &str)] = &[(0, "idle"), (1, "trigger")];

/// AM307/AM319. What `tvoc` counts depends on the type byte: an index (0x7d) or µg/m³ (0xe6); hence two names. The last
/// value of a history entry is ozone or formaldehyde, by variant: left out.
const AMBIENCE: [Channel; 15] = [
    channel(0x03, 0x67, &[Part::I16("temperature", 10.0)]),
    channel(0x04, 0x68, &[Part::U8("humidity", 2.0)]),
    channel(0x05, 0x00, &[Part::Word("pir", MOTION)]),
    channel(0x06, 0xcb, &[Part::U8("light_level", 1.0)]),
    channel(0x07, 0x7d, &[Part::U16("co2", 1.0)]),
    channel(0x08, 0x7d, &[Part::U16("tvoc", 100.0)]),
    channel(0x08, 0xe6, &[Part::U16("tvoc_ugm3", 1.0)]),
    channel(0x09, 0x73, &[Part::U16("pressure", 10.0)]),
    channel(0x0a, 0x7d, &[Part::U16("hcho", 100.0)]),
    channel(0x0b, 0x7d, &[Part::U16("pm2_5", 1.0)]),
    channel(0x0c, 0x7d, &[Part::U16("pm10", 1.0)]),
    channel(0x0d, 0x7d, &[Part::U16("o3", 100.0)]),
    channel(0x0e, 0x01, &[Part::Skip(1)]),
    channel(
        0x20,
        0xce,
        &[
            Part::Stamp,
            Part::I16("temperature", 10.0),
            Part::U16("humidity", 2.0),
            Part::Word("pir", MOTION),
            Part::U8("light_level", 1.0),
            Part::U16("co2", 1.0),
            Part::U16("tvoc", 100.0),
            Part::U16("pressure", 10.0),
            Part::U16("pm2_5", 1.0),
            Part::U16("pm10", 1.0),
            Part::Skip(2),
        ],
    ),
    channel(
        0x21,
        0xce,
        &[
            Part::Stamp,
            Part::I16("temperature", 10.0),
            Part::U16("humidity", 2.0),
            Part::Word("pir", MOTION),
            Part::U8("light_level", 1.0),
            Part::U16("co2", 1.0),
            Part::U16("tvoc_ugm3", 1.0),
            Part::U16("pressure", 10.0),
            Part::U16("pm2_5", 1.0),
            Part::U16("pm10", 1.0),
            Part::Skip(2),
        ],
    ),
];

macro_rules! current {
    ($name:literal) => {
        &[
            Part::U16Or(concat!($name, "_max"), 10.0),
            Part::U16Or(concat!($name, "_min"), 10.0),
            Part::U16Or($name, 10.0),
            Part::Bits(&[
                (0x01, concat!($name, "_alarm"), "threshold alarm"),
                (0x02, concat!($name, "_alarm"), "threshold alarm release"),
                (0x04, concat!($name, "_alarm"), "over range alarm"),
                (0x08, concat!($name, "_alarm"), "over range alarm release"),
            ]),
        ]
    };
}

const CT3XX: [Channel; 11] = [
    channel(0x03, 0x97, &[Part::U32("current_chn1_total", 100.0)]),
    channel(0x04, 0x99, &[Part::U16Or("current_chn1", 10.0)]),
    channel(0x05, 0x97, &[Part::U32("current_chn2_total", 100.0)]),
    channel(0x06, 0x99, &[Part::U16Or("current_chn2", 10.0)]),
    channel(0x07, 0x97, &[Part::U32("current_chn3_total", 100.0)]),
    channel(0x08, 0x99, &[Part::U16Or("current_chn3", 10.0)]),
    channel(0x09, 0x67, &[Part::I16Or("temperature", 10.0)]),
    channel(0x84, 0x99, current!("current_chn1")),
    channel(0x86, 0x99, current!("current_chn2")),
    channel(0x88, 0x99, current!("current_chn3")),
    channel(
        0x89,
        0x67,
        &[
            Part::I16Or("temperature", 10.0),
            Part::Word("temperature_alarm", THRESHOLD),
        ],
    ),
];

/// Value, highest, lowest and mean as half-precision floats.
macro_rules! statistics {
    ($name:literal, $second:literal, $third:literal) => {
        &[
            Part::F16($name),
            Part::F16(concat!($name, $second)),
            Part::F16(concat!($name, $third)),
            Part::F16(concat!($name, "_avg")),
        ]
    };
}

const UC300: [Channel; 24] = [
    channel(0x03, 0x00, &[Part::Word("gpio_in_1", ON_OFF)]),
    channel(0x04, 0x00, &[Part::Word("gpio_in_2", ON_OFF)]),
    channel(0x05, 0x00, &[Part::Word("gpio_in_3", ON_OFF)]),
    channel(0x06, 0x00, &[Part::Word("gpio_in_4", ON_OFF)]),
    channel(0x03, 0xc8, &[Part::U32("counter_1", 1.0)]),
    channel(0x04, 0xc8, &[Part::U32("counter_2", 1.0)]),
    channel(0x05, 0xc8, &[Part::U32("counter_3", 1.0)]),
    channel(0x06, 0xc8, &[Part::U32("counter_4", 1.0)]),
    channel(0x07, 0x01, &[Part::Word("gpio_out_1", ON_OFF)]),
    channel(0x08, 0x01, &[Part::Word("gpio_out_2", ON_OFF)]),
    channel(0x09, 0x67, &[Part::I16Or("pt100_1", 10.0)]),
    channel(0x0a, 0x67, &[Part::I16Or("pt100_2", 10.0)]),
    channel(0x0b, 0x02, &[Part::I32("adc_1", 100.0)]),
    channel(0x0c, 0x02, &[Part::I32("adc_2", 100.0)]),
    channel(0x0d, 0x02, &[Part::I32("adv_1", 100.0)]),
    channel(0x0e, 0x02, &[Part::I32("adv_2", 100.0)]),
    channel(0xff, 0x19, &[Part::Modbus(Modbus::Sized)]),
    channel(0xff, 0x15, &[Part::Skip(1)]),
    channel(0x09, 0xe2, statistics!("pt100_1", "_max", "_min")),
    channel(0x0a, 0xe2, statistics!("pt100_2", "_max", "_min")),
    channel(0x0b, 0xe2, statistics!("adc_1", "_max", "_min")),
    channel(0x0c, 0xe2, statistics!("adc_2", "_max", "_min")),
    channel(0x0d, 0xe2, statistics!("adv_1", "_max", "_min")),
    channel(0x0e, 0xe2, statistics!("adv_2", "_max", "_min")),
];

const UC50X: [Channel; 13] = [
    channel(0x03, 0x00, &[Part::Word("gpio_1", LEVELS)]),
    channel(0x04, 0x00, &[Part::Word("gpio_2", LEVELS)]),
    channel(0x03, 0x01, &[Part::Word("gpio_1", LEVELS)]),
    channel(0x04, 0x01, &[Part::Word("gpio_2", LEVELS)]),
    channel(0x03, 0xc8, &[Part::U32("counter_1", 1.0)]),
    channel(0x04, 0xc8, &[Part::U32("counter_2", 1.0)]),
    channel(0xff, 0x14, &[Part::Skip(1)]),
    channel(
        0x05,
        0x02,
        &[
            Part::I16("adc_1", 1_000.0),
            Part::I16("adc_1_min", 1_000.0),
            Part::I16("adc_1_max", 1_000.0),
            Part::I16("adc_1_avg", 1_000.0),
        ],
    ),
    channel(
        0x06,
        0x02,
        &[
            Part::I16("adc_2", 1_000.0),
            Part::I16("adc_2_min", 1_000.0),
            Part::I16("adc_2_max", 1_000.0),
            Part::I16("adc_2_avg", 1_000.0),
        ],
    ),
    channel(0x05, 0xe2, statistics!("adc_1", "_min", "_max")),
    channel(0x06, 0xe2, statistics!("adc_2", "_min", "_max")),
    channel(0xff, 0x0e, &[Part::Modbus(Modbus::Packed)]),
    channel(0xff, 0x15, &[Part::Skip(1)]),
];

const UC51X: [Channel; 7] = [
    channel(0x03, 0x01, &[Part::Word("valve_1", ON_OFF)]),
    channel(0x04, 0xc8, &[Part::U32("valve_1_pulse", 1.0)]),
    channel(0x05, 0x01, &[Part::Word("valve_2", ON_OFF)]),
    channel(0x06, 0xc8, &[Part::U32("valve_2_pulse", 1.0)]),
    channel(0x07, 0x01, &[Part::Word("gpio_1", ON_OFF)]),
    channel(0x08, 0x01, &[Part::Word("gpio_2", ON_OFF)]),
    channel(0x20, 0xce, &[Part::Stamp, Part::Valve]),
];

const UC521: [Channel; 8] = [
    channel(
        0x03,
        0xf6,
        &[Part::Skip(1), Part::U8("valve_1_opening", 1.0)],
    ),
    channel(0x04, 0xc8, &[Part::U32("valve_1_pulse", 1.0)]),
    channel(
        0x05,
        0xf6,
        &[Part::Skip(1), Part::U8("valve_2_opening", 1.0)],
    ),
    channel(0x06, 0xc8, &[Part::U32("valve_2_pulse", 1.0)]),
    channel(0x07, 0x01, &[Part::Word("gpio_1", ON_OFF)]),
    channel(0x08, 0x01, &[Part::Word("gpio_2", ON_OFF)]),
    channel(0x09, 0x7b, &[Part::U16("pressure_1", 1.0)]),
    channel(0x0a, 0x7b, &[Part::U16("pressure_2", 1.0)]),
];
