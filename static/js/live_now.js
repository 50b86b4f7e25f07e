// The small list of markets beside the log-in form, alive.

import { all } from "./dom.js";
import { keepAlive } from "./live_row.js";
import { Socket } from "./socket.js";

keepAlive(all("[data-market]"), new Socket());
