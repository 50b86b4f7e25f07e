// One market's numbers: text of the wire and of the form to ticks, lots and units, and back. All BigInt.

import { fixed, grouped, padded, toUnits, trimmed } from "./decimal.js";

const MAX = 2n ** 62n;

export class Market {
  constructor(facts) {
    Object.assign(this, facts);
    for (const name of ["tickScaled", "stepScaled", "minLots", "baseUnitsPerLot", "quoteUnitsPerTickLot", "makerPpm", "takerPpm"]) {
      this[name] = BigInt(facts[name]);
    }
    this.name = facts.symbol.replace("_", "/");
  }

  // Ticks of a price as the wire writes it; null when it does not lie on the grid.
  ticks(text) {
    return onGrid(toUnits(text, this.priceDecimals), this.tickScaled);
  }

  lots(text) {
    return onGrid(toUnits(text, this.quantityDecimals), this.stepScaled);
  }

  quoteUnits(text) {
    return toUnits(text, this.quoteDecimals);
  }

  baseUnits(text) {
    return toUnits(text, this.baseDecimals);
  }

  notional(ticks, lots) {
    return ticks * lots * this.quoteUnitsPerTickLot;
  }

  // Largest amount that this many quote units pay at a price.
  lotsFor(quoteUnits, ticks) {
    return ticks > 0n ? quoteUnits / (ticks * this.quoteUnitsPerTickLot) : 0n;
  }

  price(ticks) {
    return padded(ticks * this.tickScaled, this.priceDecimals);
  }

  amount(lots) {
    return padded(lots * this.stepScaled, this.quantityDecimals);
  }

  // An amount of quote: exact, at least two decimals.
  quoteText(units) {
    return trimmed(units, this.quoteDecimals, 2);
  }

  baseText(units) {
    return trimmed(units, this.baseDecimals, 2);
  }

  // The running sum of a book, cut to two places fewer than a size has where that leaves enough to see.
  sum(lots, largest) {
    const fine = this.quantityDecimals < 4 && largest * this.stepScaled < 100n * 10n ** BigInt(this.quantityDecimals);
    return grouped(fixed(this.amount(lots), fine ? this.quantityDecimals : Math.max(this.quantityDecimals - 2, 0)));
  }

  fits(ticks, lots) {
    return this.notional(ticks, lots) <= MAX && lots * this.baseUnitsPerLot <= MAX;
  }

  // Figures of another market's order as its rows show them.
  pair(symbol) {
    return this.pairs[symbol] ?? this;
  }
}

function onGrid(units, step) {
  return units === null || units % step !== 0n ? null : units / step;
}
