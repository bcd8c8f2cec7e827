//! LoRaWAN: the radio frames of Milesight and Dragino sensors, and the events in which ChirpStack v4 and The Things
//! Stack v3 deliver them.
//!
//! Both servers write protobuf JSON: a field that is zero, false or empty is left out.

use serde_json::{Map, Value, json};

use super::bytes::base64;
use super::times;

/// Sensors' frames, byte by byte from the makers' user guides.
pub(crate) mod frame {
    /// A Milesight frame: channel, type, value, one after the other.
    #[derive(Default)]
    pub(crate) struct Milesight(Vec<u8>);

    impl Milesight {
        fn add(mut self, channel: u8, kind: u8, value: &[u8]) -> Self {
            self.0.extend_from_slice(&[channel, kind]);
            self.0.extend_from_slice(value);
            self
        }

        pub(crate) fn battery(self, percent: u8) -> Self {
            self.add(0x01, 0x75, &[percent])
        }

        pub(crate) fn temperature(self, celsius: f64) -> Self {
            self.add(0x03, 0x67, &((celsius * 10.0).round() as i16).to_le_bytes())
        }

        pub(crate) fn humidity(self, percent: f64) -> Self {
            self.add(0x04, 0x68, &[(percent * 2.0).round() as u8])
        }

        /// WTS506: wind direction, pressure, wind speed, rain total with its message counter.
        pub(crate) fn wind_and_rain(
            self,
            direction_deg: f64,
            pressure_hpa: f64,
            speed_ms: f64,
            rain_total_mm: f64,
            rain_counter: u8,
        ) -> Self {
            let tenths = |value: f64| ((value * 10.0).round() as u16).to_le_bytes();
            let [low, high] = ((rain_total_mm * 100.0).round() as u16).to_le_bytes();
            self.add(0x05, 0x84, &tenths(direction_deg))
                .add(0x06, 0x73, &tenths(pressure_hpa))
                .add(0x07, 0x92, &tenths(speed_ms))
                .add(0x08, 0x77, &[low, high, rain_counter])
        }

        /// EM500-SWL: depth above the sensor.
        pub(crate) fn depth(self, centimetres: u16) -> Self {
            self.add(0x03, 0x77, &centimetres.to_le_bytes())
        }

        /// EM500-SWL: a stored reading of an earlier time.
        pub(crate) fn stored_depth(self, epoch_s: i64, centimetres: u16) -> Self {
            let time = u32::try_from(epoch_s).unwrap_or(0).to_le_bytes();
            self.add(
                0x20,
                0xce,
                &[time.as_slice(), &centimetres.to_le_bytes()].concat(),
            )
        }

        /// EM310-UDL: distance and whether the sensor has been tilted.
        pub(crate) fn distance(self, millimetres: u16, tilted: bool) -> Self {
            self.add(0x03, 0x82, &millimetres.to_le_bytes())
                .add(0x04, 0x00, &[u8::from(tilted)])
        }

        pub(crate) fn finish(self) -> Vec<u8> {
            self.0
        }
    }

    /// Dragino LDDS75: battery mV, distance mm, interrupt flag, probe temperature, sensor flag; big endian.
    pub(crate) fn dragino_ldds75(battery_v: f64, distance_mm: u16, probe_celsius: f64) -> Vec<u8> {
        let battery = ((battery_v * 1000.0).round() as u16).to_be_bytes();
        let probe = ((probe_celsius * 10.0).round() as i16).to_be_bytes();
        let distance = distance_mm.to_be_bytes();
        [&battery[..], &distance, &[0], &probe, &[1]].concat()
    }
}

/// Where and how an uplink was heard, and the device as the server knows it.
pub(crate) struct Heard<'u> {
    pub(crate) device: &'u str,
    /// Sixteen lower-case hexadecimal digits.
    pub(crate) dev_eui: &'u str,
    pub(crate) counter: u64,
    pub(crate) port: u64,
    pub(crate) at_ns: i64,
    pub(crate) rssi: i64,
    pub(crate) snr: f64,
    /// For identifiers of the message.
    pub(crate) chance: (u64, u64),
    pub(crate) frame: &'u [u8],
    /// What the server's codec made of the frame, where it has one.
    pub(crate) decoded: Option<Value>,
}

/// Application of the site in both servers.
const APPLICATION: &str = "3a1d6b2e-52c4-4f0b-9f0a-7d1c5e0a4b11";
const APPLICATION_NAME: &str = "lao-cai-sensors";

pub(crate) fn chirpstack_topic(dev_eui: &str, event: &str) -> String {
    format!("application/{APPLICATION}/device/{dev_eui}/event/{event}")
}

/// Version 4 UUID of two words of chance.
pub(crate) fn uuid(chance: (u64, u64)) -> String {
    let high = chance.0 & 0xffff_ffff_ffff_0fff | 0x4000;
    let low = chance.1 & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

fn device_info(heard: &Heard<'_>) -> Value {
    json!({
        "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242", "tenantName": "Lao Cai IOC",
        "applicationId": APPLICATION, "applicationName": APPLICATION_NAME,
        "deviceProfileId": "605d08d4-65f5-4d2c-8a5a-3d2457662f79", "deviceProfileName": "AS923-2 class A",
        "deviceName": heard.device, "devEui": heard.dev_eui, "tags": {},
    })
}

fn put_unless_zero(object: &mut Map<String, Value>, name: &str, value: u64) {
    if value != 0 {
        object.insert(name.to_owned(), value.into());
    }
}

pub(crate) fn chirpstack_up(heard: Heard<'_>) -> Value {
    let mut object = Map::new();
    object.insert("deduplicationId".to_owned(), uuid(heard.chance).into());
    object.insert(
        "time".to_owned(),
        times::nanos(heard.at_ns, "+00:00").into(),
    );
    object.insert("deviceInfo".to_owned(), device_info(&heard));
    object.insert("devAddr".to_owned(), "00189440".into());
    put_unless_zero(&mut object, "dr", 2);
    put_unless_zero(&mut object, "fCnt", heard.counter);
    put_unless_zero(&mut object, "fPort", heard.port);
    if !heard.frame.is_empty() {
        object.insert("data".to_owned(), base64(heard.frame).into());
    }
    if let Some(decoded) = heard.decoded {
        object.insert("object".to_owned(), decoded);
    }
    let mut heard_by = json!({
        "gatewayId": "0016c001f153a14c", "uplinkId": 4_217_106_255_u64, "rssi": heard.rssi,
        "context": "E3OWOQ==", "metadata": {"region_name": "as923_2"},
    });
    if heard.snr != 0.0
        && let Some(fields) = heard_by.as_object_mut()
    {
        fields.insert("snr".to_owned(), heard.snr.into());
    }
    object.insert("rxInfo".to_owned(), json!([heard_by]));
    object.insert(
        "txInfo".to_owned(),
        json!({"frequency": 921_400_000, "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 10, "codeRate": "CR_4_5"}}}),
    );
    object.insert("regionConfigId".to_owned(), "as923_2".into());
    Value::Object(object)
}

pub(crate) fn chirpstack_join(heard: &Heard<'_>) -> Value {
    json!({
        "deduplicationId": uuid(heard.chance), "time": times::nanos(heard.at_ns, "+00:00"),
        "deviceInfo": device_info(heard), "devAddr": "00189440",
    })
}

/// A margin of 0 dB is left out like any zero.
pub(crate) fn chirpstack_status(heard: &Heard<'_>, margin: u64, battery: f64) -> Value {
    let mut status = json!({
        "deduplicationId": uuid(heard.chance), "time": times::nanos(heard.at_ns, "+00:00"),
        "deviceInfo": device_info(heard), "batteryLevel": battery,
    });
    if let Some(fields) = status.as_object_mut() {
        put_unless_zero(fields, "margin", margin);
    }
    status
}

pub(crate) fn ttn_topic(device: &str, event: &str) -> String {
    format!("v3/{APPLICATION_NAME}@ttn/devices/{device}/{event}")
}

fn end_device_ids(heard: &Heard<'_>) -> Value {
    json!({
        "device_id": heard.device, "application_ids": {"application_id": APPLICATION_NAME},
        "dev_eui": heard.dev_eui.to_uppercase(), "join_eui": "24E124C0002A0001", "dev_addr": "260DDF3A",
    })
}

/// The server's times: the uplink's a little before the envelope's.
pub(crate) fn ttn_up(heard: Heard<'_>) -> Value {
    let received_at = times::nanos(heard.at_ns, "Z");
    let mut uplink = Map::new();
    uplink.insert(
        "session_key_id".to_owned(),
        "AYfg8rhha5n+FWx0ZaAprA==".into(),
    );
    put_unless_zero(&mut uplink, "f_port", heard.port);
    put_unless_zero(&mut uplink, "f_cnt", heard.counter);
    if !heard.frame.is_empty() {
        uplink.insert("frm_payload".to_owned(), base64(heard.frame).into());
    }
    if let Some(decoded) = heard.decoded.clone() {
        uplink.insert("decoded_payload".to_owned(), decoded);
    }
    let rest = json!({
        "rx_metadata": [{
            "gateway_ids": {"gateway_id": "lao-cai-gw-1", "eui": "0016C001F153A14C"}, "time": received_at,
            "timestamp": 2_463_457_000_u64, "rssi": heard.rssi, "channel_rssi": heard.rssi, "snr": heard.snr,
            "channel_index": 2, "received_at": received_at,
        }],
        "settings": {
            "data_rate": {"lora": {"bandwidth": 125_000, "spreading_factor": 10, "coding_rate": "4/5"}},
            "frequency": "921400000", "timestamp": 2_463_457_000_u64,
        },
        "received_at": received_at, "consumed_airtime": "0.370688s",
        "network_ids": {"net_id": "000013", "tenant_id": "ttn", "cluster_id": "as1"},
    });
    if let Value::Object(rest) = rest {
        uplink.extend(rest);
    }
    json!({
        "end_device_ids": end_device_ids(&heard),
        "correlation_ids": [format!("gs:uplink:{:016X}", heard.chance.0)],
        "received_at": times::nanos(heard.at_ns + 200_000_000, "Z"),
        "uplink_message": uplink,
    })
}

pub(crate) fn ttn_join(heard: &Heard<'_>) -> Value {
    json!({
        "end_device_ids": end_device_ids(heard),
        "correlation_ids": [format!("gs:uplink:{:016X}", heard.chance.0)],
        "received_at": times::nanos(heard.at_ns, "Z"),
        "join_accept": {"session_key_id": "AYfg8rhha5n+FWx0ZaAprA==", "received_at": times::nanos(heard.at_ns, "Z")},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::bytes::hex;

    fn heard<'u>(counter: u64, frame: &'u [u8]) -> Heard<'u> {
        Heard {
            device: "wx-1",
            dev_eui: "24e124454c123456",
            counter,
            port: 85,
            at_ns: 1_795_316_646_000_000_000,
            rssi: -48,
            snr: 0.0,
            chance: (1, 2),
            frame,
            decoded: None,
        }
    }

    #[test]
    fn frames_are_those_of_the_user_guides() {
        // EM500-SWL guide: 01 75 64 battery 100 %, 03 77 02 00 depth 2 cm.
        let depth = frame::Milesight::default().battery(100).depth(2).finish();
        assert_eq!(hex(&depth), "01756403770200");
        // WTS506 guide: 03 67 10 01 = 27.2 degrees, 04 68 71 = 56.5 %.
        let weather = frame::Milesight::default().temperature(27.2).humidity(56.5);
        assert_eq!(hex(&weather.finish()), "03671001046871");
        // EM310-UDL guide: 01 75 5C, 03 82 1E 00 = 30 mm, 04 00 01 tilted.
        let distance = frame::Milesight::default().battery(92).distance(30, true);
        assert_eq!(hex(&distance.finish()), "01755c03821e00040001");
        // LDDS75 manual: 0x0B45 = 2885 mV, 0x0B05 = 2821 mm, 0x0105 = 26.1 degrees.
        let level = frame::dragino_ldds75(2.885, 2_821, 26.1);
        assert_eq!(hex(&level), "0b450b0500010501");
    }

    #[test]
    fn zeros_are_left_out() {
        let up = chirpstack_up(heard(0, &[1]));
        assert!(up.get("fCnt").is_none() && up["rxInfo"][0].get("snr").is_none());
        assert_eq!(
            (up["fPort"].as_u64(), up["data"].as_str()),
            (Some(85), Some("AQ=="))
        );
        let up = ttn_up(heard(0, &[]));
        assert!(up["uplink_message"].get("f_cnt").is_none());
        assert!(up["uplink_message"].get("frm_payload").is_none());
        assert_eq!(up["end_device_ids"]["dev_eui"], "24E124454C123456");
        assert_eq!(ttn_up(heard(7, &[]))["uplink_message"]["f_cnt"], 7);
    }

    #[test]
    fn identifiers_are_version_4() {
        assert_eq!(
            uuid((u64::MAX, u64::MAX)),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(uuid((0, 0)), "00000000-0000-4000-8000-000000000000");
    }
}
