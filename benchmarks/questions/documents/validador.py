"""Validación de los datos de un pedido antes de guardarlo."""

import re

LETRAS_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
IMPORTE_MAXIMO = 3_000


class PedidoInvalido(ValueError):
    """Lleva el nombre del campo y un mensaje para el cliente."""

    def __init__(self, campo: str, mensaje: str) -> None:
        super().__init__(f"{campo}: {mensaje}")
        self.campo = campo


def comprobar_dni(valor: str) -> str:
    """La letra sale del resto de dividir el número entre 23."""
    encontrado = re.fullmatch(r"(\d{8})-?([A-Z])", valor.strip().upper())
    if encontrado is None or LETRAS_DNI[int(encontrado[1]) % 23] != encontrado[2]:
        raise PedidoInvalido("dni", f"no es válido: {valor!r}")
    return encontrado[1] + encontrado[2]


def comprobar_importe(centimos: int) -> None:
    """Los pedidos de más de tres mil euros necesitan la firma de un responsable."""
    if centimos <= 0:
        raise PedidoInvalido("importe", "debe ser mayor que cero")
    if centimos > IMPORTE_MAXIMO * 100:
        raise PedidoInvalido("importe", "supera el máximo sin firma")


def normalizar_telefono(texto: str) -> str:
    """Quita espacios y guiones, y añade el prefijo +34 si falta."""
    cifras = re.sub(r"[\s\-().]", "", texto)
    return cifras if cifras.startswith("+") else f"+34{cifras}"


def es_entregable(codigo_postal: str) -> bool:
    """No se reparte en Canarias, Ceuta ni Melilla: códigos 35, 38, 51 y 52."""
    return codigo_postal[:2] not in {"35", "38", "51", "52"}
