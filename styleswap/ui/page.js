// What the page does in the browser beside Gradio's own: called once, when it has loaded.
() => {
  const until = async (find, ms = 10000) => {
    for (const end = Date.now() + ms; Date.now() < end;) {
      const found = find();
      if (found) return found;
      await new Promise((done) => setTimeout(done, 50));
    }
    return null;
  };

  // --- a picture or a video in place of another, without emptying its place first ---

  const chooser = Object.assign(document.createElement('input'), {type: 'file', hidden: true});
  document.body.append(chooser);
  let chosen = () => {};
  chooser.onchange = () => { if (chooser.files.length) chosen(chooser.files[0]); };
  const choose = (accept, then) => {
    chosen = then;
    Object.assign(chooser, {accept, value: ''}).click();
  };

  // Where one may upload there is more than one way to, or at least the button of that one.
  const icon = (box) => box?.querySelector('[data-testid="source-select"] button');
  const placeOf = (target) => {
    const box = target.closest?.('.block[id]');
    return icon(box) ? box : null;
  };
  const FILLED = '.image-frame img, [data-testid="Video-player"]';
  const field = (box) => box?.querySelector('input[type="file"]');
  let passing = false;  // a click is for Gradio

  const give = async (id, file) => {
    const found = () => document.getElementById(id);
    await until(() => icon(found()));
    if (!field(found())) {  // as a video's that is filled
      passing = true;
      icon(found()).click();
      passing = false;
    }
    const input = await until(() => field(found()));
    const data = new DataTransfer();
    data.items.add(file);
    input.files = data.files;
    input.dispatchEvent(new Event('change', {bubbles: true}));
  };
  window.places = {choose, give};

  document.addEventListener('click', (event) => {
    const box = !passing && placeOf(event.target);
    if (!box || !(icon(box).contains(event.target) || event.target.matches(FILLED))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    choose(field(box)?.accept ?? '', (file) => give(box.id, file));
  }, true);

  const under = (event) => {
    const box = placeOf(event.target);
    return event.dataTransfer?.types.includes('Files') && box?.querySelector(FILLED) ? box : null;
  };
  const dropping = (now) => {
    document.querySelector('.block.dropping')?.classList.remove('dropping');
    now?.classList.add('dropping');
  };
  document.addEventListener('dragover', (event) => {
    const box = under(event);
    dropping(box);
    if (box) event.preventDefault();
  }, true);
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) dropping(null);
  }, true);
  document.addEventListener('drop', (event) => {
    const box = under(event);
    dropping(null);
    if (!box || !event.dataTransfer.files.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    give(box.id, event.dataTransfer.files[0]);
  }, true);

  // --- painting what was chosen, for methods that take a moment ---

  const PATIENCE = 20000;  // ms for which a choice waits: whatever works then, works long
  const UNHEARD = 5000;  // ms after which a press was in vain
  let wanted = 0, pressed = 0;
  window.paintSoon = () => {
    const go = document.getElementById('go');
    wanted = Date.now();
    const press = () => {
      const now = Date.now();
      if (go.disabled) pressed = 0;
      if (!wanted || now - wanted > PATIENCE) return;
      // A press is heard once the server has answered, and until then no other is.
      if (go.disabled || now - pressed < UNHEARD) return void setTimeout(press, 50);
      [wanted, pressed] = [0, now];
      go.click();
    };
    press();
  };

  // --- what changes, said aloud ---

  const SELDOM = 10000;  // ms between two steps that are said
  const voice = document.createElement('div');
  Object.assign(voice, {id: 'voice', className: 'unseen', role: 'status', ariaLive: 'polite'});
  document.body.append(voice);
  const last = new WeakMap();
  let spoken = 0;

  function speak() {
    for (const box of document.querySelectorAll('.status-box:not([role])')) {
      const line = box.querySelector('p'), bar = box.querySelector('progress');
      if (!line?.offsetParent) continue;  // which says it in every language
      const said = line.innerText, known = last.has(box);
      if (said === last.get(box)) continue;
      const working = bar && bar.value < bar.max, now = Date.now();
      if (known && working && now - spoken < SELDOM) continue;
      last.set(box, said);
      if (!known) continue;  // what stands there at first
      spoken = working ? now : 0;
      voice.textContent = said;
    }
  }

  // --- Gradio's own widgets by the keyboard ---

  // The line between before and after: it follows a mouse alone.
  function slide(line, share) {
    const picture = line.closest('.slider-wrap').querySelector('img');
    const {left, width} = picture.getBoundingClientRect();
    const {naturalWidth: w, naturalHeight: h, clientWidth, clientHeight} = picture;
    const shown = Math.min(clientWidth, clientHeight * w / h) * width / clientWidth;
    const clientX = left + (width - shown) / 2 + shown * share;
    const about = {clientX, bubbles: true, cancelable: true, view: window};
    line.dispatchEvent(new MouseEvent('mousedown', about));
    window.dispatchEvent(new MouseEvent('mouseup', about));
  }

  function dressLine(line) {
    const after = () => line.closest('.slider-wrap')?.querySelectorAll('img')[1];
    const share = () => parseFloat(after()?.style.clipPath.split(' ').at(-1)) / 100 || 0;
    const label = line.closest('.block').querySelector('[data-testid="block-label"]');
    label.id ||= `${line.closest('.block').id}-label`;
    const told = () => line.setAttribute('aria-valuenow', Math.round(100 * share()));
    const about = {role: 'slider', tabindex: 0, 'aria-labelledby': label.id};
    for (const [name, value] of Object.entries(about)) line.setAttribute(name, value);
    told();
    new MutationObserver(told).observe(line, {attributes: true, attributeFilter: ['style']});
    line.addEventListener('keydown', (event) => {
      const by = {ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02,
        PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1}[event.key];
      if (!by) return;
      event.preventDefault();
      slide(line, Math.min(1, Math.max(0, share() + by)));
    });
  }

  // The tabs are one stop, in which arrows lead from one to the next.
  function dressTab(tab) {
    tab.tabIndex = tab.getAttribute('aria-selected') === 'true' ? 0 : -1;
  }
  document.addEventListener('keydown', (event) => {
    const list = event.target.closest?.('[role="tab"]')?.closest('[role="tablist"]');
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!list || !by) return;
    const tabs = [...list.querySelectorAll('[role="tab"]')];
    const next = tabs[(tabs.indexOf(event.target) + by + tabs.length) % tabs.length];
    event.preventDefault();
    next.focus();
    next.click();
  });

  function dress() {
    document.querySelectorAll('[data-testid="slider"]:not([tabindex])').forEach(dressLine);
    document.querySelectorAll('[role="tab"]').forEach(dressTab);
  }

  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      dress();
      speak();
    }, 100);
  }).observe(document.body, {
    subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ['aria-selected'],
  });
  dress();
  speak();
}
