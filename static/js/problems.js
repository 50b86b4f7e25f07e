// What is wrong with a typed price or amount, in a sentence with the way out.

import { fixed, padded, toUnits } from "./decimal.js";
import { t } from "./speech.js";

// A sentence on why a typed price cannot be used, or null. `plain` comes from `entered`.
export function priceProblem(market, plain) {
  if (plain === null) return t`Enter a price such as 168.40.`;
  if (toUnits(plain, 18) === 0n) return t`The price must be above zero.`;
  return market.ticks(plain) === null ? stepSentence(t`Prices move by`, plain, market.tickScaled, market.priceDecimals, "") : null;
}

export function amountProblem(market, plain) {
  if (plain === null) return t`Enter an amount such as 12.50.`;
  const lots = market.lots(plain);
  if (lots === null) return stepSentence(t`Steps of`, plain, market.stepScaled, market.quantityDecimals, ` ${market.base}`);
  if (lots < market.minLots) return t`The smallest order is ${market.amount(market.minLots)} ${market.base}.`;
  return null;
}

function stepSentence(start, plain, step, decimals, unit) {
  const units = toUnits(fixed(plain, decimals), decimals) ?? 0n;
  const below = (units / step) * step;
  const use = [below, below + step].filter((each) => each > 0n).map((each) => padded(each, decimals));
  const uses = use.join(t` or `);
  return t`${start} ${padded(step, decimals)}${unit}. Use ${uses}.`;
}
