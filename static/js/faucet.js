// Demo funds, asked for without leaving the page.

import { askFaucet } from "./api_late.js";
import { t } from "./speech.js";
import { toast } from "./toasts.js";

// `own` is asked to look at its balances again.
export async function asked(path, own) {
  try {
    await askFaucet(path);
    toast(t`Demo funds have arrived`, "", "good");
    await own.refresh();
  } catch (error) {
    toast(t`No demo funds`, error.message, "bad");
  }
}
