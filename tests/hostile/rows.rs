//! One test for each known fault of BGP speakers that is about messages or sessions, by its number
//! in the project's list of incidents.
//!
//! Most are cases of the table; those with a course of their own are in [`crate::courses`].
//!
//! | row | fault | test |
//! | --- | --- | --- |
//! | 1 | an unknown attribute of 3 kB was corrupted and passed on | `row_01_an_unknown_attribute_is_passed_on_unchanged` |
//! | 2 | AS paths above 255 numbers reset sessions | `row_02_long_paths_are_taken_and_passed_on` |
//! | 3 | confederation segments in AS4_PATH reset sessions far away | `row_03_confederations_in_as4_path_are_dropped` |
//! | 4 | a corrupt Prefix-SID reset sessions in the default-free zone | `row_04_a_corrupt_prefix_sid_resets_nothing` |
//! | 5 | the same, at two reflectors at once | `row_05_a_corrupt_prefix_sid_passes_a_reflector` |
//! | 6 | extended lengths were re-sent wrongly | `row_06_lengths_are_encoded_afresh` |
//! | 7 | a corrupt entropy label reset sessions | `row_07_a_corrupt_entropy_label_is_passed_on` |
//! | 8 | other optional transitive attributes did | `row_08_optional_transitive_attributes_are_passed_on` |
//! | 9 | a wrong attribute length did, from afar | `row_09_wrong_lengths_reset_nothing` |
//! | 10 | a corrupt tunnel encapsulation did | `row_10_a_corrupt_tunnel_encapsulation_is_passed_on` |
//! | 11 | malformed mandatory attributes hid the NLRI | `row_11_malformed_mandatory_attributes_withdraw` |
//! | 12 | duplicate attributes reset sessions | `row_12_duplicate_attribute_keeps_the_first` |
//! | 13 | malformed attributes reset internal sessions | `row_13_internal_peers_are_treated_like_external_ones` |
//! | 14 | NLRI without attributes kept the old route, or crashed | `row_14_nlri_without_attributes_withdraws` |
//! | 15 | missing mandatory attributes crashed | `row_15_missing_mandatory_attributes_withdraw` |
//! | 16 | a malformed MP_REACH_NLRI crashed | `row_16_a_malformed_mp_reach_resets` |
//! | 17 | malformed attributes beside MP_UNREACH_NLRI crashed | `row_17_malformed_attributes_without_nlri_reset` |
//! | 18 | cut extended parameters were read past their end | `row_18_cut_extended_parameters_get_2_0` |
//! | 19 | odd AS capabilities reached an assertion | `row_19_odd_as_capabilities_are_refused` |
//! | 20 | capability lengths were read past their parameter | `row_20_capabilities_beyond_their_parameter_get_2_0` |
//! | 21 | memory leaked by the length of a NOTIFICATION | `row_21_no_octet_comes_back_that_was_not_sent` |
//! | 22 | capabilities made parsers loop | `row_22_parsers_always_advance` |
//! | 23 | software-version capabilities overran | `row_23_software_versions_harm_nothing` |
//! | 24 | an unknown message type ended the process | `row_24_an_unknown_type_gets_1_3` |
//! | 25 | OPEN in Established ended the process | `row_25_open_in_established_gets_5_3` |
//! | 26 | MP_REACH_NLRI of 3 octets ended the process | `row_26_a_short_mp_reach_gets_3_9` |
//! | 27 | unknown well-known attributes crashed | `row_27_an_unknown_well_known_attribute_gets_3_2` |
//! | 28 | merging AS4_PATH went out of bounds | `row_28_as4_attributes_are_merged_as_rfc_6793_says` |
//! | 29 | inconsistent lengths crashed | `row_29_lengths_that_contradict_each_other` |
//! | 30 | an empty AS_PATH crashed | `row_30_an_empty_path_is_legal_inside` |
//! | 31 | ORIGIN without the transitive bit crashed | `row_31_origin_without_the_transitive_bit_withdraws` |
//! | 32 | very long paths overflowed a stack | `row_32_very_long_messages_and_paths` |
//! | 33 | long CLUSTER_LISTs were sent malformed | `row_33_long_cluster_lists_are_passed_on` |
//! | 34 | IPv4 in MP_REACH_NLRI was sent on without NEXT_HOP | `row_34_ipv4_in_mp_reach_gets_a_next_hop` |
//! | 35 | IPv4 in MP_UNREACH_NLRI ended the process | `row_35_ipv4_in_mp_unreach_is_withdrawn` |
//! | 36 | empty lists were accepted and sent on | `row_36_empty_lists_withdraw` |
//! | 37 | LOCAL_PREF of external peers was honoured | `row_37_local_pref_from_outside_is_discarded` |
//! | 38 | a looped route left the old one in place | `row_38_a_looped_route_replaces_the_good_one` |
//! | 39 | NO_ADVERTISE left the old route out there | `row_39_no_advertise_withdraws_what_was_advertised` |
//! | 40 | AS 0 was passed on | `row_40_as_0_goes_no_further` |
//! | 41 | long KEEPALIVEs were accepted | `row_41_a_long_keepalive_gets_1_2` |
//! | 42 | NOTIFICATION 2/1 named the version in host byte order | `row_42_the_version_is_in_network_byte_order` |
//! | 43 | routes of families not negotiated were installed | `row_43_families_not_negotiated_are_ignored` |
//! | 44 | a silent peer in OpenConfirm was waited for for ever | `row_44_silence_in_open_confirm_gets_4_0`, `row_44_silence_in_established_gets_4_0` |
//! | 45 | a peer that stops reading hurt others | `row_45_a_peer_that_stops_reading_hurts_nobody` |
//! | 46 | peers that keep failing met no pause | `row_46_a_peer_that_keeps_failing_waits_longer` |
//! | 47 | half-open connections and floods ate descriptors | `row_47_strangers_are_closed_at_once`, `row_47_a_flood_leaves_one_connection`, `row_47_silence_before_open_gets_4_0` |
//! | 48 | a collision left two sessions, or none | `row_48_of_two_connections_the_right_one_stays` |
//! | 49 | equal identifiers | `row_49_own_identifier_is_refused_inside`, `row_49_two_peers_with_one_identifier_both_stay` |
//! | 50 | a route that its own cluster refused, and nobody knew why | `row_50_the_api_names_a_cluster_loop` |
//! | 56 | a password that changed left the session as it was, or unprotected | `row_56_a_changed_password_resets_that_session_and_no_other`, in `tests/bird` |

use crate::{place, table};

/// Tests that play the cases of one row.
macro_rules! rows {
    ($($name:ident = $row:literal;)*) => {$(
        #[test]
        fn $name() {
            place::run(stringify!($name), || table::play(|case| case.rows.contains(&$row)));
        }
    )*};
}

rows! {
    row_01_an_unknown_attribute_is_passed_on_unchanged = 1;
    row_02_long_paths_are_taken_and_passed_on = 2;
    row_03_confederations_in_as4_path_are_dropped = 3;
    row_04_a_corrupt_prefix_sid_resets_nothing = 4;
    row_05_a_corrupt_prefix_sid_passes_a_reflector = 5;
    row_06_lengths_are_encoded_afresh = 6;
    row_07_a_corrupt_entropy_label_is_passed_on = 7;
    row_08_optional_transitive_attributes_are_passed_on = 8;
    row_09_wrong_lengths_reset_nothing = 9;
    row_10_a_corrupt_tunnel_encapsulation_is_passed_on = 10;
    row_11_malformed_mandatory_attributes_withdraw = 11;
    row_12_duplicate_attribute_keeps_the_first = 12;
    row_13_internal_peers_are_treated_like_external_ones = 13;
    row_14_nlri_without_attributes_withdraws = 14;
    row_15_missing_mandatory_attributes_withdraw = 15;
    row_16_a_malformed_mp_reach_resets = 16;
    row_17_malformed_attributes_without_nlri_reset = 17;
    row_18_cut_extended_parameters_get_2_0 = 18;
    row_19_odd_as_capabilities_are_refused = 19;
    row_20_capabilities_beyond_their_parameter_get_2_0 = 20;
    row_21_no_octet_comes_back_that_was_not_sent = 21;
    row_22_parsers_always_advance = 22;
    row_23_software_versions_harm_nothing = 23;
    row_24_an_unknown_type_gets_1_3 = 24;
    row_25_open_in_established_gets_5_3 = 25;
    row_26_a_short_mp_reach_gets_3_9 = 26;
    row_27_an_unknown_well_known_attribute_gets_3_2 = 27;
    row_28_as4_attributes_are_merged_as_rfc_6793_says = 28;
    row_29_lengths_that_contradict_each_other = 29;
    row_30_an_empty_path_is_legal_inside = 30;
    row_31_origin_without_the_transitive_bit_withdraws = 31;
    row_32_very_long_messages_and_paths = 32;
    row_33_long_cluster_lists_are_passed_on = 33;
    row_34_ipv4_in_mp_reach_gets_a_next_hop = 34;
    row_35_ipv4_in_mp_unreach_is_withdrawn = 35;
    row_36_empty_lists_withdraw = 36;
    row_37_local_pref_from_outside_is_discarded = 37;
    row_38_a_looped_route_replaces_the_good_one = 38;
    row_39_no_advertise_withdraws_what_was_advertised = 39;
    row_40_as_0_goes_no_further = 40;
    row_41_a_long_keepalive_gets_1_2 = 41;
    row_42_the_version_is_in_network_byte_order = 42;
    row_43_families_not_negotiated_are_ignored = 43;
    row_49_own_identifier_is_refused_inside = 49;
}
