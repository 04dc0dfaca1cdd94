// Le panier de la boutique en ligne : articles, frais de port, codes de réduction.

const SEUIL_PORT_OFFERT = 59;
const FRAIS_DE_PORT = { point_relais: 3.9, domicile: 6.5, express: 12.9 };

/** Additionne les lignes ; une quantité négative est une erreur de l'appelant. */
export function sousTotal(lignes) {
  return lignes.reduce((somme, { prix, quantite }) => {
    if (quantite < 0) throw new RangeError(`quantité négative : ${quantite}`);
    return somme + prix * quantite;
  }, 0);
}

/** Les frais de port : gratuits au-dessus du seuil, sauf pour la livraison express. */
export function fraisDePort(montant, mode = "point_relais") {
  if (mode !== "express" && montant >= SEUIL_PORT_OFFERT) return 0;
  return FRAIS_DE_PORT[mode];
}

/** Applique un code promo. Les codes ne se cumulent pas : le plus avantageux gagne. */
export function appliquerCodes(montant, codes, maintenant = Date.now()) {
  const valables = codes.filter((code) => code.fin > maintenant && montant >= code.minimum);
  const remises = valables.map((code) => (code.pourcent ? (montant * code.pourcent) / 100 : code.euros));
  return montant - Math.max(0, ...remises);
}

/** Garde le panier d'un visiteur pendant trente jours dans le navigateur. */
export function memoriser(panier, stockage = localStorage) {
  stockage.setItem("panier", JSON.stringify({ panier, expire: Date.now() + 30 * 86_400_000 }));
}
