FROM python:3.11-slim
WORKDIR /site
COPY requirements.txt .
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt
COPY . .
RUN useradd --system site && mkdir -p instance && chown site instance
USER site
EXPOSE 5000
ENTRYPOINT ["python", "main.py"]
