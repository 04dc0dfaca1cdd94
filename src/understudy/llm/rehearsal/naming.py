"""What a property's name says of its values: which words speak of places, of people, of days. Tables only."""

from understudy.llm.rehearsal.words import listed

PLACE = listed("city location place town country address destination origin where region state venue area")
PERSON = listed(
    "person people participant participants attendee attendees member members name names recipient who customer author"
    " owner assignee contact guest passenger first last full"
)
DAY = listed("date day when deadline due start end birthday datetime checkin checkout departure arrival")
ID = listed("id number code sku order ticket reference tracking account invoice key no ref")
QUERY = listed(
    "query queries question search keyword keywords topic term terms prompt input text q request instruction task"
)
PROSE = listed(
    "text answer reply response explanation summary reasoning thought thoughts description message body content comment"
    " note conclusion output result final analysis details rationale"
)
CODE = listed("code script source python program snippet")
SUM = listed("expression formula equation calculation math")
SYMBOL = listed("ticker symbol stock currency base quote target")

KINDS: list[tuple[frozenset[str], tuple[str, ...]]] = [
    (listed("email mail recipient to cc"), ("email",)),
    (listed("url link website uri page site"), ("url",)),
    (listed("ip"), ("ip",)),
    (listed("time hour start end when at"), ("time",)),
    (DAY, ("date", "date-time", "day")),
    (ID - {"code"}, ("uuid", "id", "number")),
    (frozenset({"code"}), ("uuid", "id")),
    (PLACE, ("name",)),
    (PERSON, ("name",)),
    (listed("title subject label heading caption"), ("quote",)),
    (PROSE | listed("title"), ("quote",)),
]
FORMATS = {
    "email": ("email",),
    "uri": ("url",),
    "url": ("url",),
    "uuid": ("uuid",),
    "ipv4": ("ip",),
    "date": ("date", "day"),
    "date-time": ("date-time", "date"),
    "time": ("time",),
}
PREPOSITIONS = {
    "from": listed("from origin source start departure base sender"),
    "to": listed("to destination target end arrival recipient"),
    "in": PLACE,
    "at": PLACE | listed("time"),
    "for": PLACE | PERSON,
    "near": PLACE,
    "by": listed("author"),
    "with": listed("attendee attendees guest person"),
}
