// The page's frame: header, places, keys, what it says. Each place is a module of its own; one that cannot be loaded
// says so in its own section and takes nothing from the others, least of all the stop button.

import { $, $$, fill, h, mark } from "./dom.js";
import { command } from "./commands.js";
import { closeDialog, confirmation, isDialogOpen, openDialog, toast } from "./dialogs.js";
import { Header } from "./header.js";
import { Live } from "./live.js";
import { StopButton, isTextField } from "./stop.js";

const places = ["scene", "goals", "arm", "episodes", "health"];
/// A place that takes longer to load misses what was said before.
const LOADING_MS = 3000;

const live = new Live();
new StopButton(live);
const header = new Header(live);
const made = new Map();
let shown = null;
let hasChosen = places.includes(location.hash.slice(1));

/// What places may ask of the frame.
const app = {
    /// Asks a person. `action` is the word on the button that does it. Resolves to whether it was pressed.
    confirm: confirmation,

    /// Says something for a while. Kind: "good", "bad" (stays longer) or "" (in passing).
    toast,

    /// Asks the owner, says what it answered, and returns that.
    async command(action, fields = {}, options = {}) {
        const answer = await command(action, fields, options);
        toast(answer.message, answer.accepted ? "good" : "bad");
        return answer;
    },

    /// Goes to a place by its name.
    show,

    /// Whether this person may do more than look and stop.
    get mayOperate() {
        return live.role === "operate";
    },
};

function show(place) {
    if (!places.includes(place) || shown === place) return;
    tell(shown, "hidden");
    shown = place;
    history.replaceState(null, "", `#${place}`);
    for (const button of $$("nav button")) {
        mark(button, "aria-current", button.dataset.place === place ? "page" : null);
    }
    for (const name of places) $(`#place-${name}`).hidden = name !== place;
    mark(document.body, "data-place", place);
    scrollTo(0, 0);
    tell(place, "shown");
    header.show();
}

/// One place that fails must not keep a person from the next.
function tell(place, method, ...values) {
    try {
        made.get(place)?.[method]?.(...values);
    } catch (error) {
        console.error(error);
    }
}

async function make(place) {
    const root = $(`#place-${place}`);
    try {
        const module = await import(`./${place}.js`);
        made.set(place, module.makePlace(root, live, app));
    } catch (error) {
        console.error(error);
        fill(root, h("p", { class: "problem" },
            `This place could not be loaded: ${error.message}. Load the page again.`));
    }
    if (shown === place) tell(place, "shown");
}

function choose(place) {
    hasChosen = true;
    show(place);
}

function hearKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
        closeDialog();
        return;
    }
    // Letters choose in a list.
    if (isTextField(event.target) || event.target instanceof HTMLSelectElement) return;
    if (event.key === "?") {
        event.preventDefault();
        toggleHelp();
        return;
    }
    if (isDialogOpen()) return;
    const index = Number(event.key) - 1;
    if (places[index] !== undefined) choose(places[index]);
    else tell(shown, "key", event);
}

function toggleHelp() {
    if ($("#help").open) {
        closeDialog();
        return;
    }
    const rows = [];
    for (const place of places) {
        const keys = made.get(place)?.keys ?? [];
        if (keys.length > 0) rows.push(h("h3", {}, $(`nav [data-place="${place}"] span`).textContent));
        for (const [key, words] of keys) {
            rows.push(h("dt", {}, key.split(" ").map((part) => [h("kbd", {}, part), " "])), h("dd", {}, words));
        }
    }
    fill($("#help-places"), rows);
    const address = live.people.find((one) => one.viewer === live.viewer)?.address ?? "";
    // At the robot's own computer without a token there is nothing to log out of.
    $("#log-out").hidden = live.role === "operate" && (address === "" || /^(127\.|::1$)/.test(address));
    openDialog($("#help"), $("#help-close"));
}

/// Gives the token back; another can be used then.
async function logOut() {
    try {
        await fetch("/logout", { method: "POST", headers: { "X-Octo-Console": "1" }, redirect: "manual" });
        location.assign("/login");
    } catch {
        toast("the console did not answer: you are still logged in", "bad");
    }
}

for (const button of $$("nav button")) button.addEventListener("click", () => choose(button.dataset.place));
$("#fit-chip").addEventListener("click", () => choose("scene"));
$("#help-open").addEventListener("click", toggleHelp);
$("#help-close").addEventListener("click", closeDialog);
$("#log-out").addEventListener("click", logOut);
addEventListener("keydown", hearKey);
addEventListener("hashchange", () => choose(location.hash.slice(1)));

let hadRun = false;
live.addEventListener("hello", (event) => {
    if (event.detail.isOtherRun && hadRun && live.run !== null) toast(`another run has begun: ${live.run.name}`);
    hadRun ||= live.run !== null;
    // Without a run there is nothing to see but what is on disk.
    if (!hasChosen && live.run === null) show("episodes");
});

/// The viewer that moves the arm; null: nobody does by this console.
let driver = null;
live.addEventListener("people", () => {
    const before = driver;
    driver = live.people.find((person) => person.drives)?.viewer ?? null;
    if (driver !== null && driver !== before && driver !== live.viewer) toast(`viewer ${driver} moves the arm now`);
});

show(hasChosen ? location.hash.slice(1) : "scene");
await Promise.race([Promise.all(places.map(make)), new Promise((resolve) => setTimeout(resolve, LOADING_MS))]);
live.start();
