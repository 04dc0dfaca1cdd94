"""Rechnungen des Vereinsladens: Summen, Mahnungen und der Export für die Buchhaltung."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

ZAHLUNGSZIEL_TAGE = 21
MAHNGEBUEHR = Decimal("4.50")


def netto_aus_brutto(brutto: Decimal, steuersatz: Decimal = Decimal("0.19")) -> Decimal:
    """Rechnet die Umsatzsteuer heraus und rundet kaufmännisch auf Cent."""
    return (brutto / (1 + steuersatz)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def ist_ueberfaellig(rechnungsdatum: date, heute: date) -> bool:
    """Wahr, sobald das Zahlungsziel verstrichen ist; der letzte Tag zählt noch nicht."""
    return heute > rechnungsdatum + timedelta(days=ZAHLUNGSZIEL_TAGE)


def mahnstufe(rechnungsdatum: date, heute: date) -> int:
    """0 ohne Mahnung, danach jede zweite Woche eine Stufe mehr, höchstens 3."""
    tage = (heute - rechnungsdatum).days - ZAHLUNGSZIEL_TAGE
    return 0 if tage <= 0 else min(3, 1 + tage // 14)


def rabatt(mitglied_seit: date, heute: date) -> Decimal:
    """Treue Mitglieder zahlen weniger: nach fünf Jahren fünf Prozent, nach zehn acht."""
    jahre = (heute - mitglied_seit).days // 365
    if jahre >= 10:
        return Decimal("0.08")
    return Decimal("0.05") if jahre >= 5 else Decimal(0)


def als_csv_zeile(nummer: str, kunde: str, betrag: Decimal) -> str:
    """Eine Zeile mit Semikolon und Dezimalkomma, wie das Programm des Steuerberaters sie einliest."""
    return f'{nummer};"{kunde}";{str(betrag).replace(".", ",")}'
