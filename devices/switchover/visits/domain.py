"""The states of a visit, and what may follow what. Pure."""

from enum import StrEnum


class VisitState(StrEnum):
    """Where a visit is: the way of a swap in its order, then what gets in between."""

    IDENTIFIED = "identified"
    DATA_VALIDATED = "data_validated"
    PRIORITISED = "prioritised"
    CONTACTED = "contacted"
    CONSENTED = "consented"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    SURVEYED = "surveyed"
    STOCK_ALLOCATED = "stock_allocated"
    BOOKED = "booked"
    CONFIRMED = "confirmed"
    ON_SITE = "on_site"
    INSTALLED = "installed"
    PERIPHERALS_PAIRED = "peripherals_paired"
    E2E_TESTED = "e2e_tested"
    SOAK = "soak"
    ACCEPTED = "accepted"
    OLD_UNIT_DECOMMISSIONED = "old_unit_decommissioned"
    RECORD_CLOSED = "record_closed"
    NO_ACCESS = "no_access"
    RESCHEDULED = "rescheduled"
    ABORTED_NO_SIGNAL = "aborted_no_signal"
    ROLLED_BACK = "rolled_back"
    DECEASED = "deceased"
    MOVED = "moved"
    HOSPITAL = "hospital"
    HOLD = "hold"


class ContactChannel(StrEnum):
    """How somebody was contacted about a visit."""

    PHONE = "phone"
    LETTER = "letter"
    SMS = "sms"
    EMAIL = "email"
    IN_PERSON = "in_person"
    FAMILY = "family"
    CARE_PROVIDER = "care_provider"


class ContactOutcome(StrEnum):
    """What came of it."""

    REACHED = "reached"
    SENT = "sent"
    MESSAGE_LEFT = "message_left"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    REFUSED = "refused"


class EvidenceKind(StrEnum):
    """What a new hub must show before somebody relies on it."""

    TRIGGER = "trigger"
    VOICE = "voice"
    BACKUP_PATH = "backup_path"
    MAINS_FAIL = "mains_fail"
    MAINS_RESTORED = "mains_restored"
    SOAK = "soak"
