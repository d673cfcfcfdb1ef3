// A grid of pictures to choose from: the body of a function of Gradio's HTML component. Given:
// element, props, trigger, watch. One stop of the keyboard, in which arrows lead from tile to tile.

const every = [...element.querySelectorAll('[role="radio"]')];
const pictures = every.filter((tile) => !tile.matches('.own'));
const root = (window.gradio_config?.root || document.baseURI).replace(/\/$/, '');
for (const picture of element.querySelectorAll('img'))
  picture.src = `${root}/gradio_api/file=${encodeURI(picture.dataset.file)}`;

const stopAt = (stop) => every.forEach((tile) => { tile.tabIndex = tile === stop ? 0 : -1; });

function mark() {
  const at = props.keys.indexOf(props.value);
  pictures.forEach((tile, i) => tile.setAttribute('aria-checked', i === at));
  stopAt(pictures[at] ?? every[0]);
}

watch('value', mark);
mark();

element.addEventListener('keydown', (event) => {
  const at = every.indexOf(document.activeElement), last = every.length - 1;
  const to = {
    ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last,
  }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  const tile = every[(to + every.length) % every.length];
  stopAt(tile);
  tile.focus();
});

// --- one's own picture: there is a place for it once the event has been heard ---

const give = (file) => window.places.give(props.own, file);
const take = (file) => {
  trigger('own');
  give(file);
};

element.addEventListener('click', (event) => {
  const tile = event.target.closest('[role="radio"]');
  if (pictures.includes(tile)) trigger('choose', {at: pictures.indexOf(tile)});
  else if (tile) {
    // Where nobody chooses one, at least the place is there.
    trigger('own');
    window.places.choose('image/*', give);
  }
});

if (props.own) {
  const first = ({files}) => [...files].find((file) => file.type.startsWith('image/')) ?? files[0];
  const over = (on) => element.classList.toggle('dropping', on);
  element.addEventListener('dragover', (event) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    over(true);
  });
  element.addEventListener('dragleave', () => over(false));
  element.addEventListener('drop', (event) => {
    over(false);
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take(first(event.dataTransfer));
  });
  const paste = (event) => {
    if (!element.isConnected) document.removeEventListener('paste', paste);
    else if (event.clipboardData.files.length && element.matches(':hover, :focus-within'))
      take(first(event.clipboardData));
  };
  document.addEventListener('paste', paste);
}
