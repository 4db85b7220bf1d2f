"""What rules ask that records can speak to: paragraph by paragraph, and what records do not show.

What a paragraph asks is said in our words and briefly: read the rule itself beside it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Framework(StrEnum):
    EU_AI_ACT = "eu-ai-act"
    ISO_42001 = "iso-42001"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One demand: the measures that speak to it, the commands that prove them, and its gaps."""

    at: str
    asks: str
    shown: tuple[str, ...]  # names of measures
    proof: tuple[str, ...]  # commands
    gaps: tuple[str, ...]  # never none: no record shows all that a rule asks


TITLES = {
    Framework.EU_AI_ACT: "EU AI Act (Regulation (EU) 2024/1689), Articles 12, 14, 19 and 26",
    Framework.ISO_42001: "ISO/IEC 42001:2023, Annex A, control A.6.2.8",
}

_VERIFY = "answerable ledger verify --bundle BUNDLE --vkey KEY"
_PROVE = "answerable ledger prove INDEX"
_WHO = "answerable decision who DECISION"
_STORY = "answerable decision explain DECISION"
_OUTSIDE = "What an agent's code does past its declared tools and rails is not recorded."
_TRUE = "That what was recorded is true of the world is not shown: only that it was not changed."
_ELSEWHERE = "Not recorded here: show it with documents of your own."
_NOT_JUDGED = "What is a risk, a serious incident or a substantial modification is not judged here."
_RETENTION = (
    "That entries will be kept is not shown: no command removes one, but files can be lost.",
    "Six months are shown only where entries are older than that.",
    "The words of an erased party are gone before that time; its entries are not.",
)

_EU = (
    Paragraph(
        "12(1)", "The system records events automatically over its lifetime.",
        ("entries", "received", "decided", "done", "gap"), (_VERIFY, _PROVE),
        (_OUTSIDE, _TRUE, "What the system did before the log's first entry is not in it."),
    ),
    Paragraph(
        "12(2)(a)", "Records serve to find situations of risk and substantial modifications.",
        ("denied", "held", "went-wrong", "escalated", "release-changed"),
        (_STORY, _VERIFY), (_NOT_JUDGED,),
    ),
    Paragraph(
        "12(2)(b)", "Records serve post-market monitoring.",
        ("decided", "went-wrong", "release", "model"),
        ("answerable ledger convert BUNDLE --to csv --output FILE",),
        ("A plan for post-market monitoring (Article 72) is the provider's; there is none here.",
         "Whether answers were good is not measured in these entries."),
    ),
    Paragraph(
        "12(2)(c)", "Records serve the deployer's monitoring of the operation.",
        ("received", "decided", "done", "went-wrong", "stop"), (_STORY,),
        ("That somebody looked at the records is shown only where bodies were given out.",),
    ),
    Paragraph(
        "12(3)", "Remote biometric identification: use, database, matches, who verified.",
        (), (), ("None of this is recorded as such: the product does not know biometric use.",),
    ),
    Paragraph(
        "14(1)", "Natural persons can oversee the system effectively while it is in use.",
        ("held", "granted", "not-granted", "escalated", "taken-over", "handed-back", "stop"),
        (_WHO, _STORY),
        ("How attentively a person looked, and whether it was effective, is not shown.",),
    ),
    Paragraph(
        "14(4)(a)", "They understand its capacities and limits and can monitor it.",
        ("accountable", "model", "went-wrong"), (_STORY,),
        ("What a person understood is not recorded.",),
    ),
    Paragraph(
        "14(4)(b)", "They stay aware of the tendency to rely on its output.",
        ("granted", "not-granted"), ("answerable ledger search",),
        ("Two counts are no measure of automation bias; training against it is not recorded.",),
    ),
    Paragraph(
        "14(4)(c)", "They interpret its output correctly.",
        ("decided",), (_STORY,),
        ("Each decision names its rules; that a person read them rightly is not shown.",),
    ),
    Paragraph(
        "14(4)(d)", "They can decide not to use it, and disregard, override or reverse its output.",
        ("not-granted", "taken-over", "escalated"), (_STORY,),
        ("Held effects that ran out unanswered are not granted either, without a person's no.",
         "Reversals in another system are recorded only where a tool made them."),
    ),
    Paragraph(
        "14(4)(e)", "They can intervene, or stop it.",
        ("stop", "taken-over"), ("answerable ledger search",),
        ("Where the count of stops is 0, this period shows no stop, and no drill of one.",),
    ),
    Paragraph(
        "14(5)", "Biometric identification is verified by two persons before an action.",
        (), (), ("The product does not know biometric use.",),
    ),
    Paragraph(
        "19(1)", "The provider keeps these logs as long as fits, at least six months.",
        ("kept", "six-months", "erased"), (_VERIFY,), _RETENTION,
    ),
    Paragraph(
        "19(2)", "Financial institutions keep them with their own documentation.",
        (), (), (_ELSEWHERE,),
    ),
    Paragraph(
        "26(1)", "The deployer uses the system by its instructions for use.",
        ("release", "denied"), (_WHO,),
        ("The instructions are not known here; policies are what was made of them.",),
    ),
    Paragraph(
        "26(2)", "Oversight is assigned to persons with competence, training and authority.",
        ("accepted", "owner-changed", "left", "accountable", "nobody-accountable"), (_WHO,),
        ("Competence, training and support of a person are not recorded.",),
    ),
    Paragraph(
        "26(4)", "Input data under the deployer's control is relevant and representative.",
        ("received",), (), ("Neither is measured in these entries.",),
    ),
    Paragraph(
        "26(5)", "The deployer monitors, informs of risks and incidents, and suspends use.",
        ("went-wrong", "escalated", "stop"), (_STORY,),
        (_NOT_JUDGED, "Reports to providers and authorities are not made here, nor recorded."),
    ),
    Paragraph(
        "26(6)", "The deployer keeps the logs under its control at least six months.",
        ("kept", "six-months", "erased"), (_VERIFY,), _RETENTION,
    ),
    Paragraph(
        "26(7)", "Workers and their representatives are informed before use at work.",
        (), (), (_ELSEWHERE,),
    ),
    Paragraph("26(8)", "Public authorities register their use.", (), (), (_ELSEWHERE,)),
    Paragraph(
        "26(9)", "A data protection impact assessment is made where the law asks for it.",
        (), (), (_ELSEWHERE,),
    ),
    Paragraph(
        "26(10)", "Post-remote biometric identification is authorised and documented.",
        (), (), ("The product does not know biometric use.",),
    ),
    Paragraph(
        "26(11)", "Natural persons are informed that a high-risk system is used on them.",
        ("received",), (),
        ("Whether a reply said so is in its words, which are not in entries.",),
    ),
    Paragraph(
        "26(12)", "The deployer cooperates with authorities.",
        ("read",), ("answerable ledger export --output FILE", _VERIFY),
        ("What was handed over outside the product is not recorded.",),
    ),
)  # fmt: skip

_ISO = (
    Paragraph(
        "A.6.2.8 (phases)",
        "The organisation determines in which phases of the life cycle event logs are kept, at "
        "least while the system is in use.",
        ("entries", "received", "decided", "done", "release", "gap"), (_VERIFY, _PROVE),
        ("The determination itself is a document of the organisation.",
         "Design, training and testing of a model are not recorded.", _OUTSIDE, _TRUE),
    ),
    Paragraph(
        "A.6.2.8 (traceability)",
        "Logs let what the system did be traced, and departures from intended operation be found.",
        ("allowed", "held", "denied", "went-wrong", "escalated", "accountable",
         "nobody-accountable", "release-changed", "model"), (_WHO, _STORY),
        ("What is intended is what policies say; the quality of answers is not measured here.",),
    ),
    Paragraph(
        "A.6.2.8 (keeping)", "Logs are kept as long as their use and the law ask for.",
        ("kept", "six-months", "erased", "read"), (_VERIFY,), _RETENTION,
    ),
)  # fmt: skip

PARAGRAPHS = {Framework.EU_AI_ACT: _EU, Framework.ISO_42001: _ISO}
