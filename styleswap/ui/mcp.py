"""The page's tools for agents, by MCP: Gradio's server of them, put right where it falls short."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import unquote

import gradio as gr
from gradio.mcp import GradioMCPServer
from gradio_client import Client, handle_file  # type: ignore[import-untyped]
from gradio_client.utils import (  # type: ignore[import-untyped]
    is_file_obj_with_meta,
    traverse,
)

from styleswap.ui.guard import INSIDE, USER, VISITOR
from styleswap.ui.hosting import Hosting


class Server(GradioMCPServer):
    """Gradio's, but for what follows."""

    hosting: Hosting

    def _get_or_create_client(self) -> Any:
        """What calls the page's own endpoints: known to the guard, whatever login there is."""
        if self._client_instance is None:
            self._client_instance = Client(
                self.local_url,
                download_files=False,
                verbose=False,
                analytics_enabled=False,
                ssl_verify=False,
                _skip_components=False,
                headers={"x-gradio-user": "mcp", INSIDE: self.hosting.secret} | self._known(),
            )
        return self._client_instance

    def _prepare_tool_call_args(self, name: str, arguments: dict[str, Any]) -> Any:
        """Say for whom it is."""
        endpoint, given, headers, fn = super()._prepare_tool_call_args(name, arguments)
        request = self.mcp_server.request_context.request
        if request and request.client:
            headers[VISITOR] = request.client.host
        return endpoint, given, headers, fn

    def _known(self) -> dict[str, str]:
        """A login, where one is needed: whoever called the tool had one."""
        return {USER: self.hosting.auth[0][0]} if self.hosting.auth else {}

    def convert_strings_to_filedata(self, value: Any, filedata_positions: Any) -> Any:
        """Take files for what they are.

        Those of the page's are known by their address, which Gradio would fetch, and not from
        itself; those that came whole are deleted like any upload; and the server's own are refused,
        which Gradio, here a client of the page, would upload wherever a caller names one.
        """
        traverse(value, _refuse, is_file_obj_with_meta)
        made = super().convert_strings_to_filedata(value, filedata_positions)
        for name, given in value.items():
            if [name] not in filedata_positions or not isinstance(given, str):
                continue
            path = unquote(given.partition("/gradio_api/file=")[2])
            # What is in these sets, anybody may fetch from the page as well.
            if any(path in files for files in self.blocks.temp_file_sets):
                made[name] = handle_file(path)
            elif given.startswith("data:"):
                self.blocks.upload_file_set.add(made[name]["path"])
        return made

    def get_input_schema(
        self, tool_name: str, parameters: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], list[list[str | int]]]:
        """Say what an argument is once, not a second time for Gradio's page about the API."""
        schema, positions = super().get_input_schema(tool_name, parameters)
        for argument in schema["properties"].values():
            argument.pop("additional_description", None)
        return schema, positions

    async def _execute_tool_without_progress(self, job: Any) -> list[Any]:
        """The outputs one by one, not in one lump, and none of the server's threads held until they
        are there: those are for the jobs."""
        return list(await asyncio.wrap_future(job.future))

    def postprocess_output_data(self, data: Any, root_url: str) -> Any:
        """What is no file comes as JSON, not as Python writes it."""
        told = [x if is_file_obj_with_meta(x) else json.dumps(x, ensure_ascii=False) for x in data]
        return super().postprocess_output_data(told, root_url)


def _refuse(file: Any) -> None:
    raise ValueError("A file is given by its http(s) address, or whole as a data: URL.")


def adopt(page: gr.Blocks, hosting: Hosting) -> None:
    """Make the server of a launched page one of ours.

    Raises:
        RuntimeError: it did not start, of which Gradio makes nothing.
    """
    if page.mcp_server_obj is None:
        page.close()
        raise RuntimeError(page.mcp_error)
    page.mcp_server_obj.__class__ = Server
    page.mcp_server_obj.hosting = hosting  # type: ignore[attr-defined]
