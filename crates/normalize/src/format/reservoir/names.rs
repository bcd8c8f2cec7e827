//! What reservoir reports call things: English, and Vietnamese without its accents.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Time,
    Issued,
    From,
    To,
    Reservoir,
    Status,
    Type,
    /// Of a report, by its canonical name.
    Measured(&'static str),
    /// Of an announcement, by its canonical name.
    Planned(&'static str),
}

/// `Mực nước thượng lưu`, `mucNuocThuongLuu` and `muc-nuoc-thuong-luu` are `muc_nuoc_thuong_luu`.
pub(in crate::format) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lower_before = false;
    for letter in text
        .trim()
        .nfd()
        .filter(|letter| !is_combining_mark(*letter))
        .take(200)
    {
        let letter = match letter {
            'đ' => 'd',
            'Đ' => 'D',
            other => other,
        };
        if letter.is_ascii_alphanumeric() {
            if letter.is_ascii_uppercase() && lower_before {
                out.push('_');
            }
            out.push(letter.to_ascii_lowercase());
            lower_before = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
            lower_before = false;
        }
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}

pub(super) fn of(key: &str) -> Option<Name> {
    let name = match key {
        "time" | "ts" | "timestamp" | "datetime" | "date_time" | "observed_at" | "thoi_gian"
        | "thoi_diem" | "ngay_gio" | "thoi_gian_do" => Name::Time,
        "issued" | "issued_at" | "published_at" | "ngay_ban_hanh" | "thoi_gian_ban_hanh"
        | "ngay_ky" => Name::Issued,
        "valid_from" | "from" | "start" | "open_at" | "starts_at" | "tu" | "tu_thoi_gian"
        | "thoi_gian_bat_dau" | "bat_dau" | "thoi_gian_mo_cua" | "thoi_gian_xa" | "hieu_luc_tu" => {
            Name::From
        }
        "valid_to" | "to" | "end" | "until" | "close_at" | "ends_at" | "den" | "den_thoi_gian"
        | "thoi_gian_ket_thuc" | "ket_thuc" | "hieu_luc_den" => Name::To,
        "reservoir" | "reservoir_id" | "station" | "station_id" | "plant" | "dam" | "id" | "ho"
        | "ho_chua" | "ten_ho" | "ma_ho" | "ma_tram" | "nha_may" => Name::Reservoir,
        "type" | "kind" | "loai" | "loai_ban_tin" => Name::Type,
        "status" | "trang_thai_ban_tin" => Name::Status,
        _ => {
            return measured(key)
                .map(Name::Measured)
                .or_else(|| planned(key).map(Name::Planned));
        }
    };
    Some(name)
}

fn measured(key: &str) -> Option<&'static str> {
    Some(match key {
        "upstream_level_m"
        | "upstream_level"
        | "level"
        | "level_m"
        | "reservoir_level"
        | "muc_nuoc_thuong_luu"
        | "muc_nuoc_ho"
        | "muc_nuoc_ho_m"
        | "htl"
        | "h_tl" => "upstream_level_m",
        "downstream_level_m" | "downstream_level" | "tail_level" | "muc_nuoc_ha_luu" | "hhl"
        | "h_hl" => "downstream_level_m",
        "inflow_m3s" | "inflow" | "q_in" | "luu_luong_den" | "luu_luong_ve_ho" | "luu_luong_ve"
        | "q_den" | "qden" => "inflow_m3s",
        "outflow_total_m3s" | "outflow_total" | "outflow" | "outflow_m3s" | "q_out"
        | "tong_luu_luong_xa" | "luu_luong_xa" | "tong_xa" | "q_xa" => "outflow_total_m3s",
        "outflow_turbine_m3s"
        | "outflow_turbine"
        | "luu_luong_phat_dien"
        | "luu_luong_qua_tuabin"
        | "xa_qua_tuabin"
        | "luu_luong_chay_may"
        | "q_may" => "outflow_turbine_m3s",
        "outflow_spill_m3s" | "outflow_spill" | "spill" | "luu_luong_xa_tran"
        | "luu_luong_xa_lu" | "xa_tran" | "luu_luong_qua_tran" => "outflow_spill_m3s",
        "gates_surface_open" | "so_cua_xa_mat_mo" | "so_cua_xa_mat" | "cua_xa_mat" => {
            "gates_surface_open"
        }
        "gates_bottom_open" | "so_cua_xa_day_mo" | "so_cua_xa_day" | "cua_xa_day" => {
            "gates_bottom_open"
        }
        "gates_open" | "so_cua_xa" | "so_cua_mo" => "gates_open",
        "volume_mcm" | "volume" | "dung_tich" | "dung_tich_trieu_m3" => "volume_mcm",
        "rain_24h" | "luong_mua_24h" => "rain_24h",
        _ => return None,
    })
}

fn planned(key: &str) -> Option<&'static str> {
    Some(match key {
        "order_no" | "order" | "letter_no" | "so_lenh" | "so_van_ban" | "so_cong_van"
        | "so_cong_dien" | "lenh_so" => "order_no",
        "action" | "hanh_dong" | "lenh" | "noi_dung_lenh" => "action",
        "planned_discharge_m3s"
        | "planned_discharge"
        | "planned_outflow"
        | "planned_outflow_m3s"
        | "luu_luong_xa_du_kien"
        | "luu_luong_du_kien" => "planned_discharge_m3s",
        "target_level_m" | "target_level" | "muc_nuoc_muc_tieu" | "dua_muc_nuoc_ve" => {
            "target_level_m"
        }
        "planned_gates_surface" | "gates_surface" | "surface_gates" | "so_cua_xa_mat_du_kien" => {
            "planned_gates_surface"
        }
        "planned_gates_bottom" | "gates_bottom" | "bottom_gates" | "so_cua_xa_day_du_kien" => {
            "planned_gates_bottom"
        }
        "planned_gates" | "gates" | "so_cua_xa_du_kien" => "planned_gates",
        "issuer" | "co_quan" | "don_vi_ban_hanh" | "co_quan_ban_hanh" | "source" => "issuer",
        "cross_border" | "xuyen_bien_gioi" => "cross_border",
        "river" | "song" => "river",
        _ => return None,
    })
}

/// What reports carry for people; not missed.
pub(super) fn remark(key: &str) -> bool {
    [
        "note",
        "ghi_chu",
        "name",
        "ten",
        "title",
        "unit",
        "don_vi",
        "version",
        "content",
        "noi_dung",
        "recipients",
        "noi_nhan",
    ]
    .contains(&key)
}

/// Whether the type of a document is one of announcements and orders.
pub(super) fn announcement(text: &str) -> bool {
    let folded = folded(text);
    [
        "announce",
        "notice",
        "order",
        "letter",
        "thong_bao",
        "lenh",
        "cong_dien",
        "cong_van",
    ]
    .iter()
    .any(|word| folded.contains(word))
}

/// The word for what is ordered.
pub(super) fn action(text: &str) -> Option<&'static str> {
    let folded = folded(text);
    let has = |word: &str| format!("_{folded}_").contains(&format!("_{word}_"));
    Some(if has("open") || has("mo") || has("mo_cua") {
        "open"
    } else if has("close") || has("dong") {
        "close"
    } else if has("adjust") || has("dieu_chinh") {
        "adjust"
    } else if has("cancel") || has("huy") {
        "cancel"
    } else if has("release") || has("xa") {
        "release"
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name() {
        for key in [
            "Mực nước thượng lưu",
            "mucNuocThuongLuu",
            "muc-nuoc-thuong-luu",
            "MUC_NUOC_THUONG_LUU",
            "upstream_level_m",
        ] {
            assert_eq!(
                of(&folded(key)),
                Some(Name::Measured("upstream_level_m")),
                "{key}"
            );
        }
        assert_eq!(folded("Đóng cửa xả"), "dong_cua_xa");
        assert_eq!(action("Mở 2 cửa xả mặt"), Some("open"));
        assert_eq!(action("Đóng cửa xả đáy số 3"), Some("close"));
        assert_eq!(action("chờ"), None);
    }
}
