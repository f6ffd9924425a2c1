// What the page asks and says: one dialog for questions, one for the keys, and short answers in a corner.

import { $, h, say } from "./dom.js";

const MOST_TOASTS = 4;
const SHOWN_MS = 4000;
const PROBLEM_SHOWN_MS = 12000;

let close = null;

/// Whether a dialog is open.
export const isDialogOpen = () => close !== null;

/// Closes the open dialog, as "no".
export function closeDialog() {
    close?.();
}

/// Opens a dialog over the places and not over the header: a modal one would take the stop button away. `focus` gets
/// the focus; `onClose` is called once, when it is closed by whatever means.
export function openDialog(dialog, focus, onClose) {
    closeDialog();
    const before = document.activeElement;
    const covered = [$("main"), $("nav")];
    for (const element of covered) element.inert = true;
    $("#scrim").hidden = false;
    dialog.show();
    focus.focus();
    close = () => {
        close = null;
        dialog.close();
        for (const element of covered) element.inert = false;
        $("#scrim").hidden = true;
        before?.focus?.();
        onClose?.();
    };
}

/// Asks a person. `action` is the word on the button that does it. Resolves to whether it was pressed.
export function confirmation(text, action = "Go on") {
    return new Promise((resolve) => {
        let isYes = false;
        openDialog($("#confirm"), $("#confirm-no"), () => resolve(isYes));
        say($("#confirm-text"), text);
        say($("#confirm-yes"), action);
        $("#confirm-no").onclick = closeDialog;
        $("#confirm-yes").onclick = () => {
            isYes = true;
            closeDialog();
        };
    });
}

/// Says something for a while. Kind: "good", "bad" (stays longer) or "" (in passing).
export function toast(text, kind = "") {
    if (!text) return;
    const sign = { good: "✓", bad: "✕" }[kind] ?? "·";
    const node = h("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : null },
        h("span", { class: "sign", "aria-hidden": "true" }, sign),
        h("span", {}, text),
        h("button", { class: "quiet icon", type: "button", "aria-label": "Close", onclick: () => node.remove() }, "×"));
    const list = $("#toasts");
    list.append(node);
    while (list.children.length > MOST_TOASTS) list.firstChild.remove();
    setTimeout(() => node.remove(), kind === "bad" ? PROBLEM_SHOWN_MS : SHOWN_MS);
}

$("#scrim").addEventListener("click", closeDialog);
