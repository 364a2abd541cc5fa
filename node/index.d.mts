// SPDX-License-Identifier: BSD-3-Clause
export * from "./index.js";
