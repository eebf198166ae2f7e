"""A gate as it is often begun: FastAPI, and the keys in a dict.

Arguments: a file with a key a line, and the port to listen on.
"""

import sys

import uvicorn
from fastapi import FastAPI, Header, Response

app = FastAPI()
projects: dict[str, str] = {}


@app.get("/v1/authorize")
async def authorize(authorization: str = Header()) -> Response:
    project = projects.get(authorization.removeprefix("Bearer "))
    if project is None:
        return Response(status_code=401)
    return Response(status_code=204, headers={"x-project-id": project})


def main(keys: str, port: str) -> None:
    with open(keys) as lines:
        projects.update((line.strip(), "proj_1") for line in lines)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
