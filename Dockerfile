# Vedette as an image: built with npm, run by the Node of a distroless image (no shell, no package manager), as nobody. The
# process handles signals itself, so it may be PID 1.
FROM node:22-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-fund --no-audit
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
RUN npm run build && npm prune --omit=dev --no-fund --no-audit

FROM gcr.io/distroless/nodejs22-debian12:nonroot
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist dist
ENV NODE_ENV=production
EXPOSE 6379 26379 27379 28379 9121
VOLUME /data
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/cli/main.js"]
CMD ["server", "--dir", "/data", "--protected-mode", "no"]
