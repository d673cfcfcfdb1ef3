// What the visitor has chosen, in the page's address: the body of a function of Gradio's HTML
// component. Given: props, trigger, watch. Its tables come from link.py; it has a value once the
// page has loaded.

const CALM = 200;  // ms without a change before the address is written: browsers allow few a second

const parameters = () => new URLSearchParams(location.search);
// An uploaded file lies in a folder that is called by its content: of ours the name is known.
const text = (value, words) => {
  const key = value?.path ? value.path.split(/[\\/]/).at(-2) : String(value ?? '');
  return words ? words[key] ?? '' : key;
};
const shown = () => Object.keys(props.tabs).find(
  (tab) => document.getElementById(`${tab}-tab`)?.offsetParent);

const held = {};
let timer = 0;

function write() {
  const tab = shown(), now = held[tab];
  if (!now) return;
  const {starts, method, fields} = props.tabs[tab], asked = parameters();
  for (const name of props.names) asked.delete(name);
  if (tab !== Object.keys(props.tabs)[0]) asked.set('tab', tab);
  for (const [name, [i, words]] of Object.entries(fields[now[method] ?? ''])) {
    const said = text(now[i], words);
    if (said && said !== text(starts[i], words)) asked.set(name, said);
  }
  const query = String(asked).replaceAll('%2C', ',');
  const address = location.pathname + (query && `?${query}`) + location.hash;
  if (address !== location.pathname + location.search + location.hash)
    history.replaceState(history.state, '', address);
}

window.nameInAddress = (tab, values) => {
  held[tab] = values;
  clearTimeout(timer);
  timer = setTimeout(write, CALM);
};

const {search} = location, wanted = parameters();  // before any widget has changed

function open() {
  if (props.value && props.names.some((name) => wanted.has(name))) trigger('open', {query: search});
}

watch('value', open);
open();
