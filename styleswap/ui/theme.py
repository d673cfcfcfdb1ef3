"""How the page looks: the system's own fonts, warm greys, and one accent, viridian."""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils.colors import Color

VIRIDIAN = Color(
    name="viridian",
    c50="#eef7f3",
    c100="#d6ebe2",
    c200="#aed7c7",
    c300="#7fbda7",
    c400="#4f9f86",
    c500="#2f846b",
    c600="#1f6d57",
    c700="#1a5847",
    c800="#17463a",
    c900="#133930",
    c950="#09211b",
)
WARM = Color(
    name="warm",
    c50="#faf9f6",
    c100="#f3f1ec",
    c200="#e5e2da",
    c300="#d2cec4",
    c400="#a39e93",
    c500="#767167",
    c600="#57534b",
    c700="#413e38",
    c800="#2a2825",
    c900="#1d1c1a",
    c950="#141312",
)

# Names alone: a gr.themes.GoogleFont would be fetched from Google.
FONT = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
)
MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "DejaVu Sans Mono", "monospace")


def theme() -> gr.themes.Base:
    """The page's theme, for ``launch(theme=...)``."""
    return gr.themes.Base(
        primary_hue=VIRIDIAN,
        secondary_hue=VIRIDIAN,
        neutral_hue=WARM,
        radius_size=gr.themes.sizes.radius_md,
        font=FONT,
        font_mono=MONO,
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_500",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_800",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_label_background_fill="white",
        block_label_background_fill_dark="*neutral_900",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_title_text_weight="600",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_800",
        input_border_color="*neutral_200",
        input_border_color_dark="*neutral_700",
        input_border_width="1px",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        checkbox_background_color_selected="*primary_600",
        checkbox_label_background_fill_selected="*primary_100",
        checkbox_label_background_fill_selected_dark="*primary_800",
        checkbox_label_text_color_selected="*primary_900",
        checkbox_label_text_color_selected_dark="*primary_100",
    )


CSS = """
:root:lang(zh) .en, :root:not(:lang(zh)) .zh { display: none; }

.gradio-container { width: 100%; max-width: 1560px !important; margin: 0 auto !important; }
.main.fillable { padding: 14px clamp(10px, 2vw, 24px) 8px !important; }
/* Room for the fixed bar on telephones. Not in the media query below: Gradio confines what stands
   in one to the tabs, and the footer is outside them. */
footer { margin: 14px 0 clamp(6px, calc((769px - 100vw) * 999), 80px) !important;
  min-height: 0 !important; padding: 0 !important; }
/* The dots stand there even where what they part does not. */
footer { gap: 18px; }
footer .divider { display: none !important; }
/* For developers who show off their page. */
.api-docs .banner-wrap:has(> .record-button) { display: none; }

#header { display: flex; align-items: baseline; gap: 4px 14px; flex-wrap: wrap; padding: 0; }
#header h1 { font-size: 24px; font-weight: 700; letter-spacing: -0.02em; margin: 0; }
#header h1 b { color: var(--primary-600); }
.dark #header h1 b { color: var(--primary-400); }
#header p { margin: 0; color: var(--body-text-color-subdued); font-size: 15px; }

.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }

.thumbs, .thumbs .html-container { padding: 0 !important; border: 0 !important;
  background: none !important; overflow: visible !important; }
.thumbs [role="radiogroup"] { display: grid; gap: 6px;
  grid-template-columns: repeat(auto-fill, minmax(56px, 1fr)); }
.thumbs button { position: relative; padding: 0; border: 0; border-radius: 6px; overflow: hidden;
  aspect-ratio: 1; background: var(--background-fill-secondary); cursor: pointer; }
.thumbs img { display: block; width: 100%; height: 100%; object-fit: cover; margin: 0; }
.thumbs button::after { content: ""; position: absolute; inset: 0; border-radius: 6px;
  border: 1px solid var(--border-color-primary); }
.thumbs button:hover::after { border: 2px solid var(--primary-400); }
.thumbs button[aria-checked="true"]::after { border: 3px solid var(--primary-500); }
.thumbs button:focus-visible { outline: 2px solid var(--body-text-color); outline-offset: 2px; }
.thumbs .own { grid-column: span 2; aspect-ratio: auto; display: flex; flex-direction: column;
  align-items: center; justify-content: center; gap: 3px; padding: 4px; font-size: 13px;
  line-height: 1.2; color: var(--body-text-color); background: var(--block-background-fill); }
.thumbs .own svg { width: 20px; height: 20px; flex: none; color: var(--primary-600); }
.dark .thumbs .own svg { color: var(--primary-400); }
.thumbs .own::after { border: 2px dashed var(--primary-400); }
.thumbs .dropping .own::after, .thumbs.dropping .own::after { border-style: solid; }
.block.dropping { outline: 3px solid var(--primary-500); outline-offset: -3px; }
[data-testid="image"] .image-frame img, .block [data-testid="Video-player"] { cursor: pointer; }

/* A long name ends before the arrow. */
.gradio-container .secondary-wrap input { text-overflow: ellipsis; padding-right: 22px; }

.dark input[type="range"] { --neutral-200: var(--neutral-700); }

.result { position: sticky; top: 10px; align-self: flex-start; }
.stage { --stage: max(380px, min(100vh - 300px, 860px)); height: var(--stage) !important; }
.stage img { max-height: calc(var(--stage) - 4px) !important; }
/* Gradio's own way to cut a video fetches a program from elsewhere, and there are From and To. */
#video-content button[aria-label="Trim video to selection"],
#video-content button[aria-label="Reset video to initial value"] { display: none; }
.films { --stage: clamp(300px, 31vw, 620px); }
.films > .block { height: 100% !important; }
.films .video-container, .films video { max-height: calc(var(--stage) - 4px) !important; }
#top, .status-box { padding: 0 !important; border: 0 !important; }
#top .html-container, .status-box .html-container { padding: 0 !important; }
.status-box { min-height: 62px !important; }
.status .bar { display: block; position: relative; height: 6px; border-radius: 3px;
  background: var(--neutral-200); overflow: hidden; }
.dark .status .bar { background: var(--neutral-700); }
.status progress { appearance: none; display: block; width: 100%; height: 100%; border: 0;
  background: none; }
.status progress::-webkit-progress-bar { background: none; }
.status progress::-webkit-progress-value { background: var(--primary-500); border-radius: 3px;
  transition: inline-size 0.4s linear; }
.status progress::-moz-progress-bar { background: var(--primary-500); border-radius: 3px; }
.status .bar.idle { visibility: hidden; }
.status p { margin: 8px 2px 0; font-size: 15px; font-variant-numeric: tabular-nums; }
.status-box p.fine { margin-top: 1px; font-size: 13px; color: var(--body-text-color-subdued);
  min-height: 1.5em; }

.help, .help .html-container { padding: 0 !important; border: 0 !important; }
.help p { margin: 0; font-size: 13px; color: var(--body-text-color-subdued); }

.cards { display: grid !important; gap: 14px !important;
  grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); }
.card { gap: 4px !important; min-width: 0 !important; }
.says { padding: 0 !important; border: 0 !important; min-height: 44px !important; }
.says .html-container { padding: 2px !important; font-size: 13px; line-height: 1.5;
  font-variant-numeric: tabular-nums; }
.fault { color: var(--error-text-color); }

.plot { display: block; width: 100%; height: auto; }
.plot text { fill: var(--body-text-color-subdued); font-size: 12px; }
.plot text.name { fill: var(--body-text-color); font-size: 14px; font-weight: 600; }
.plot .grid { stroke: var(--border-color-primary); stroke-width: 1; }
.plot circle { stroke: var(--body-background-fill); stroke-width: 2; }

.figures { width: 100%; border-collapse: collapse; border: 0 !important; font-size: 14px;
  margin: 0 0 10px !important; font-variant-numeric: tabular-nums; }
.figures th, .figures td { padding: 7px 10px !important; border: 0 !important; text-align: right;
  border-bottom: 1px solid var(--border-color-primary) !important; }
.figures tr { border: 0 !important; }
.figures th:first-child { text-align: left; }
.figures thead th { font-weight: 500; color: var(--body-text-color-subdued); }
.figures tbody th { font-weight: 600; }

.live { padding: 0 !important; border: 0 !important; background: none !important; }
.live .live-canvas { display: block; width: 100%; object-fit: contain;
  background: #000; border-radius: var(--block-radius); touch-action: pan-y; }
.live .live-line { width: 100%; margin: 8px 0 0; accent-color: var(--primary-600); }
.live .live-status { min-height: 62px; }
.live .live-actions { display: flex; gap: var(--layout-gap); }
.live button { flex: 2 1 90px; min-width: 70px; padding: var(--button-large-padding);
  border: 1px solid var(--button-secondary-border-color); border-radius: var(--button-large-radius);
  background: var(--button-secondary-background-fill); color: var(--button-secondary-text-color);
  font-size: var(--button-large-text-size); font-weight: var(--button-large-text-weight); }
.live button:hover:enabled { background: var(--button-secondary-background-fill-hover); }
.live button:disabled { opacity: 0.5; cursor: not-allowed; }
.live .live-go:not(.live-stop) { background: var(--button-primary-background-fill);
  color: var(--button-primary-text-color); border-color: var(--button-primary-border-color); }
.live .live-go:not(.live-stop):hover { background: var(--button-primary-background-fill-hover); }
.live .live-go { flex-grow: 3; }
.live .live-cameras { display: block; margin-top: 12px; font-size: 14px; }
.live .live-cameras[hidden] { display: none; }
.live .live-cameras select { max-width: 70%; margin-left: 8px; padding: 4px 8px; font-size: 14px;
  color: var(--body-text-color); background: var(--input-background-fill);
  border: 1px solid var(--input-border-color); border-radius: var(--input-radius); }

@media (max-width: 768px) {
  .result { position: static; }
  .stage { --stage: min(100vw, 66vh); scroll-margin-bottom: 215px; }
  .films, .live { --stage: min(75vw, 66vh); }
  .live .stage { --stage: inherit; }
  .tab-container button { padding: 0 8px !important; font-size: 14px !important; }
  .plot text { font-size: 17px; }
  .plot text.name { font-size: 19px; }
  .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .first { order: -1; } /* what there is to see comes before the settings */
  .thumbs [role="radiogroup"] { grid-template-columns: repeat(auto-fill, minmax(44px, 1fr)); }
  .actions { position: fixed; left: 0; right: 0; bottom: 0; z-index: 40; padding: 10px;
    background: var(--body-background-fill); border-top: 1px solid var(--border-color-primary);
    flex-wrap: nowrap; gap: 8px; }
  .actions > * { flex: 1 0 auto; min-width: 0 !important; padding: 9px 12px; font-size: 15px;
    white-space: nowrap; }
  .actions > .go { flex-grow: 4; }
}
"""
