"""The report as a page of its own, for browsers."""

import markdown

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What sessions without a store cost, and what they save</title>
<style>
body {{ font: 1rem/1.55 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 58rem; margin: 0 auto; padding: 1rem; }}
h1, h2 {{ line-height: 1.25; }}
img {{ display: block; max-width: 100%; height: auto; margin: 1.5rem auto; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .25rem .6rem; border-bottom: 1px solid #ddd; }}
td {{ white-space: nowrap; }}
th {{ text-align: left; vertical-align: bottom; }}
</style>
{body}
</html>
"""


def page(text):
    body = markdown.markdown(text, extensions=["tables"])
    return PAGE.format(body=body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>"))
