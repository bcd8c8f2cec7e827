//! Units as offices write them, as UCUM codes.

use crate::format::reservoir::folded;

/// None: no unit said, so that the profile's holds. A unit that is not known here is passed on as it came.
pub(super) fn code(text: &str) -> Option<String> {
    let text = text.trim();
    let code = match text {
        "" | "-" => return None,
        "%" | "‰" | "1" | "m3" | "m3/d" | "kW.h" | "t" | "ms" | "s" | "min" | "h" | "d" => text,
        "m³" => "m3",
        "kWh" => "kW.h",
        "m³/ngày" | "m3/ngày" => "m3/d",
        _ => match folded(text).as_str() {
            "percent" | "pct" | "phan_tram" => "%",
            "ratio" | "ty_le" | "he_so" => "1",
            "people" | "person" | "persons" | "nguoi" | "luot_nguoi" | "followers" | "users" => {
                "{person}"
            }
            // Things that are counted: the measure says which.
            "count" | "items" | "dossiers" | "ho_so" | "thu_tuc" | "procedures" | "giao_dich"
            | "transactions" | "tram" | "stations" | "luot" | "visits" | "vu" | "truong"
            | "schools" | "beds" | "giuong" | "ho" | "households" | "cai" => "1",
            "hour" | "hours" | "gio" => "h",
            "minute" | "minutes" | "phut" => "min",
            "second" | "seconds" | "giay" => "s",
            "day" | "days" | "ngay" => "d",
            "ton" | "tons" | "tonne" | "tonnes" | "tan" => "t",
            "mbps" | "mbit_s" => "Mbit/s",
            "vnd" | "dong" => "[VND]",
            "trieu_dong" | "million_vnd" => "10*6.[VND]",
            "ty_dong" | "billion_vnd" => "10*9.[VND]",
            "kwh" => "kW.h",
            "m3_ngay" | "m3_day" => "m3/d",
            _ => text,
        },
    };
    Some(code.to_owned())
}
