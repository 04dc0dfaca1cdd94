-- Prêts de la bibliothèque associative. Les dates sont à l'heure de Paris.
CREATE TABLE adherents (
    numero SERIAL PRIMARY KEY,
    nom TEXT NOT NULL,
    cotisation_payee_jusqu_au DATE,
    bloque BOOLEAN NOT NULL DEFAULT false
);

CREATE TABLE prets (
    adherent INTEGER REFERENCES adherents,
    ouvrage TEXT NOT NULL,
    emprunte_le DATE NOT NULL,
    rendu_le DATE,
    prolongations INTEGER NOT NULL DEFAULT 0 CHECK (prolongations <= 2)
);

-- Retards : un prêt dure 28 jours, plus 14 par prolongation.
CREATE VIEW retards AS
SELECT adherent, ouvrage, current_date - (emprunte_le + 28 + 14 * prolongations) AS jours
FROM prets
WHERE rendu_le IS NULL AND current_date > emprunte_le + 28 + 14 * prolongations;

-- Dix centimes par jour de retard, plafonnés à cinq euros.
CREATE FUNCTION amende(jours INTEGER) RETURNS NUMERIC AS $$
    SELECT least(5.00, jours * 0.10)
$$ LANGUAGE sql;

-- Les ouvrages jamais empruntés depuis trois ans partent à la braderie de juin.
CREATE VIEW a_braderie AS
SELECT ouvrage FROM prets GROUP BY ouvrage HAVING max(emprunte_le) < current_date - interval '3 years';
